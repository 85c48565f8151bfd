"""docs/runbook.html shows the runbook, and the link of an alert leads to its section."""

import functools
import http.server
import os
import re
import threading

import pytest

from waiting import wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHOWN_WITHIN_S = 30


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def folder():
    """docs/, as the Prometheus of the compose stack serves it."""
    handler = functools.partial(Quiet, directory=os.path.join(TOP, "docs"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_link_of_an_alert_leads_to_its_section(browser, folder):
    browser.driver.get(f"{folder}/runbook.html#zerogateerrorratio")
    found = "return document.querySelectorAll('h2').length > 20"
    wait_until(lambda: browser.run(found), SHOWN_WITHIN_S, "the runbook is shown")
    top = "return document.getElementById('zerogateerrorratio').getBoundingClientRect().top"
    wait_until(lambda: abs(browser.run(top)) < 100, SHOWN_WITHIN_S, "the page is at the section")
    assert [line for line in browser.complaints() if "favicon" not in line] == []


def test_every_section_has_its_anchor_and_no_mark_is_left(browser, folder):
    with open(os.path.join(TOP, "docs", "runbook.md"), encoding="utf-8") as file:
        sections = re.findall(r"^## (.*)$", file.read(), re.M)
    browser.driver.get(f"{folder}/runbook.html")
    ids = "return [...document.querySelectorAll('h2')].map((heading) => heading.id)"
    wait_until(lambda: browser.run(ids), SHOWN_WITHIN_S, "the runbook is shown")
    assert browser.run(ids) == [section.lower().replace(" ", "-") for section in sections]
    text = browser.run("return document.querySelector('main').innerText")
    assert not re.search(r"\*\*|`|\]\(", text), "Markdown is left"
