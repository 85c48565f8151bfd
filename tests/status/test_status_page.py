"""The status page in a real browser, of a gateway that real clients call."""

import asyncio
import contextlib
import json
import math
import re
import socket
import time

import pytest
from zero.error import ZeroException

from page import PATIENCE_S, REFUSED, StatusPage, number
from traffic import TrafficProcess
from waiting import wait_until

REQUESTS = "zerogate_requests_total"
DURATION = "zerogate_request_duration_seconds_bucket"
ORDER = {"user_id": "1", "items": ["apple", "python"]}
HOSTILE = "<img/src=x/onerror=document.title='owned'>"
LONGEST = "a" * 80  # bytes of a function's name on ZeroMQ's wires


def histogram_quantile(q, buckets):
    """Prometheus' estimate, from the samples of one scrape: written apart from the page's."""
    by_bound = {}
    for labels, value in buckets:
        bound = float(labels["le"].replace("+Inf", "inf"))
        by_bound[bound] = by_bound.get(bound, 0) + value
    bounds = sorted(by_bound)
    rank = q * by_bound[math.inf]
    upper = next(bound for bound in bounds if by_bound[bound] >= rank)
    if upper == math.inf:
        return bounds[-2]
    at = bounds.index(upper)
    lower, below = (bounds[at - 1], by_bound[bounds[at - 1]]) if at else (0, 0)
    return lower + (upper - lower) * (rank - below) / (by_bound[upper] - below)


async def call_a_mix(clients, gateway):
    """Calls of each protocol, good and bad. Returns how many requests that makes."""
    tcp, zmq = clients.open("tcp", gateway), clients.open("zmq_async", gateway)
    calls = 1  # the ZeroMQ client begins with `connect`
    for client in (tcp, zmq):
        await asyncio.gather(*(client.call("hello_world") for _ in range(60)))
        await asyncio.gather(*(client.call("echo", "x" * 100) for _ in range(20)))
        saved = await client.call("save_order", ORDER)
        await client.call("get_order", saved["order_id"])
        for function, argument in (("save_order", []), ("nope", None)):
            with pytest.raises(ZeroException):
                await client.call(function, argument)
        calls += 60 + 20 + 2 + 2
    return calls


async def test_the_numbers_agree_with_metrics(page, gateway, clients):
    page.wait_for_rates()
    calls = await call_a_mix(clients, gateway)
    page.wait(lambda: page.total() == calls, f"{calls} requests")
    tiles, metrics = page.tiles, gateway.metrics()
    assert metrics.total(REQUESTS) == calls
    assert tiles["flight"] == "0"
    assert tiles["connections"] == page.formatted("count", metrics.total("zerogate_connections"))
    assert tiles["redis"] == "up"
    assert float(tiles["rate"]) > 0 and tiles["errors"] != "0 %"

    for protocol in ("tcp", "zmq"):
        for function in ("hello_world", "save_order", "_other"):
            shown = "(unknown names)" if function == "_other" else function
            row = page.function(shown, protocol)
            labels = {"function": function, "protocol": protocol}
            assert number(row["Total"]) == metrics.total(REQUESTS, **labels), row
            # All calls there ever were are within the page's window, unless this took very long.
            for q, title in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")):
                expected = histogram_quantile(q, metrics.select(DURATION, **labels))
                assert row[title] == page.formatted("seconds", expected), (row, title)
    for row in page.table("Outcomes"):
        assert number(row["Total"]) == metrics.total(REQUESTS, outcome=row["Outcome"])
    wires = {row["Wire"]: row["Share"] for row in page.table("Client wires")}
    for wire in ("T3", "W5"):
        share = metrics.total(REQUESTS, wire=wire) / calls
        assert wires[wire] == page.formatted("percent", share)
    assert page.browser.complaints() == []


async def test_the_clients_are_there(page, clients, gateway):
    """Of a crowd 20, the busiest first, and how many more there are."""
    client = clients.open("zmq_async", gateway)
    for _ in range(3):
        await client.call("hello_world")
    address = ("127.0.0.1", gateway.tcp_port)
    with contextlib.ExitStack() as crowd:
        for _ in range(25):
            crowd.enter_context(socket.create_connection(address))

        def first():
            rows = page.table("Clients")
            return len(rows) == 20 and rows[0]["Wire"] == "W5" and rows[0]

        row = page.wait(first, "20 clients")
        note = "return document.getElementById('client-note').textContent"
        assert page.browser.run(note) == "6 less busy ones are not shown. "
    assert re.fullmatch(r"127\.0\.0\.1:\d+", row["Client"]) and row["Total"] == "4", row
    assert row["Last function"] == "hello_world" and row["Identity"] == ""
    assert page.browser.complaints() == []


async def test_a_function_without_calls_is_there_too(page):
    page.wait_for_rates()
    rows = {row["Function"]: row for row in page.table("Functions")}
    assert {"hello_world", "echo", "save_order", "get_order"} <= rows.keys()
    assert rows["echo"]["Protocol"] == "–"
    assert rows["echo"]["Total"] == rows["echo"]["Rate/s"] == "0"
    assert rows["echo"]["p99"] == "–"


def test_it_follows_the_traffic_that_runs(browser, gateway):
    traffic = TrafficProcess(gateway, 200)
    try:
        wait_until(lambda: gateway.metrics().total(REQUESTS) > 100, PATIENCE_S, "traffic")
        before, begun = gateway.metrics().total(REQUESTS), time.monotonic()
        page = StatusPage(browser, gateway)  # all that its window sees is traffic
        page.wait(lambda: time.monotonic() - begun > 4, "some seconds of traffic")
        shown = float(page.tiles["rate"].replace(",", ""))
        made = (gateway.metrics().total(REQUESTS) - before) / (time.monotonic() - begun)
        assert shown == pytest.approx(made, rel=0.25)
        total = page.total()
        page.wait(lambda: page.total() > total, "more requests than before")
        line = "return document.querySelector('[data-tile=rate] .line').getAttribute('d')"
        assert browser.run(line).count("L") >= 2, "a line of some points"
        assert page.browser.complaints() == []
    finally:
        traffic.stop()


async def test_it_outlives_the_gateway(page, gateway, clients):
    calls = await call_a_mix(clients, gateway)
    page.wait(lambda: page.total() == calls, f"{calls} requests")
    gateway.stop()
    page.wait_for_state("gone, trying again")
    gateway.start()  # on the same ports
    page.wait_for_state("ready")
    # Another process counts from 0 again: nothing of the old one is left, and nothing is negative.
    assert page.total() == 0
    page.wait(lambda: page.tiles["rate"] == "0", "a rate of 0")
    tcp = clients.open("tcp", gateway)
    for _ in range(5):
        await tcp.call("hello_world")
    page.wait(lambda: page.total() == 5, "5 requests")
    # That nobody answers is what the browser itself complains of, and all it may.
    complaints = page.browser.complaints()
    assert complaints and all(REFUSED in line for line in complaints), complaints


def test_a_part_that_did_not_come_is_asked_for_again(browser, gateway):
    browser.block("*/status/table.js")
    try:
        page = StatusPage(browser, gateway, starts=False)
        page.wait_for_state("not loaded, trying again")
    finally:
        browser.block()
    page.wait_for_state("ready")
    page.wait_for_rates()


async def test_it_shows_that_the_gateway_drains(browser, start_gateway, redis, clients):
    gateway = start_gateway(environment={"ZEROGATE_REDIS_TIMEOUT": "60s"})
    page = StatusPage(browser, gateway)
    page.wait_for_state("ready")
    redis.pause()
    call = asyncio.ensure_future(clients.open("tcp", gateway).call("save_order", ORDER))
    while gateway.metrics().total("zerogate_requests_in_flight") != 1:
        await asyncio.sleep(0.01)
    page.wait(lambda: page.tiles["flight"] == "1", "one call in flight")
    gateway.terminate()
    page.wait_for_state("not ready: draining")
    redis.resume()
    await call
    gateway.wait_for_exit()
    page.wait_for_state("gone, trying again")


def bridge_configuration(tmp_path, functions, backend="stock"):
    """A gateway whose only backend does not answer: nobody listens on port 1."""
    file = tmp_path / "zerogate.yaml"
    backends = {backend: {"url": ["tcp://127.0.0.1:1", "tcp://127.0.0.1:2"]}}
    routes = [{"functions": functions, "backend": backend}]
    file.write_text(json.dumps({"backends": backends, "routes": routes, "handlers": ["echo"]}))
    return ["--config", str(file)]


async def test_a_backend_that_is_down(browser, start_gateway, clients, tmp_path):
    gateway = start_gateway(bridge_configuration(tmp_path, ["add"]))
    page = StatusPage(browser, gateway)
    page.wait_for_rates()
    client = clients.open("tcp", gateway)
    with pytest.raises(ZeroException):
        await client.call("add", 1)
    page.wait(lambda: page.total() == 1, "the call")
    [backend] = page.table("Backends")
    assert (backend["Backend"], backend["State"]) == ("stock", "✕ down (0 of 2)")
    assert backend["Queue"].split()[0] == backend["In flight"] == "0"
    endpoints = {row["Endpoint"]: row for row in page.table("Endpoints of the backends")}
    assert endpoints.keys() == {"127.0.0.1:1", "127.0.0.1:2"}
    assert all(row["State"] == "✕ down" for row in endpoints.values())
    assert all("refused" in row["Why"] and row["Since"] for row in endpoints.values())
    assert page.tiles["redis"] in ("up", "not connected")
    assert page.function("add", "tcp")["Total"] == "1"


def test_a_backend_whose_name_has_no_address_says_so(browser, start_gateway, tmp_path):
    file = tmp_path / "zerogate.yaml"
    file.write_text('{"backends": {"stock": {"url": "tcp://nowhere.invalid:1"}}}')
    page = StatusPage(browser, start_gateway(["--config", str(file)]))
    page.wait_for_rates()
    [row] = page.table("Endpoints of the backends")
    assert (row["Backend"], row["State"]) == ("stock", "✕ no address")
    assert "name not resolved" in row["Why"]


async def test_names_are_text_whatever_they_hold(browser, start_gateway, clients, tmp_path):
    names = [HOSTILE, "__proto__", "constructor", LONGEST]
    gateway = start_gateway(bridge_configuration(tmp_path, names))
    page = StatusPage(browser, gateway)
    page.wait_for_rates()
    client = clients.open("tcp", gateway)
    for name in names:
        with pytest.raises(ZeroException):
            await client.call(name, 1)
    page.wait(lambda: page.total() == len(names), "the calls")
    assert {row["Function"] for row in page.table("Functions")} >= set(names)
    browser.run("document.getElementById('config').open = true")
    text = "return document.getElementById('config-text').textContent"
    page.wait(lambda: "onerror" in browser.run(text), "the configuration")
    assert browser.run("return document.querySelectorAll('img').length") == 1  # the page's own
    assert "owned" not in browser.driver.title
    assert browser.complaints() == []
    for width in (320, 360, 800, 1240):
        browser.resize(width, 800, phone=width < 800)
        over = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.run(over) <= 0, f"it scrolls sideways at {width} px"


def test_text_that_forges_or_hides_is_shown_by_its_numbers(page):
    """As core/base/printable.h has it: reasons come from backends, and they from anywhere."""
    script = """
    const { element, setText } = await import('/status/elements.js');
    const node = element('p');
    setText(node, a[0]);
    return node.textContent"""
    shown = page.browser.run(script, "\u202eevil\u2066\u200b\ufeff\U000e0041\x9b\x1b \xf6\u6f22\n2")
    assert shown == r"\u{202e}evil\u{2066}\u{200b}\u{feff}\u{e0041}\u{9b}\u{1b}" + " \xf6\u6f22\n2"


def test_two_hundred_functions_stay_small(browser, start_gateway, tmp_path):
    names = [f"service.function_{i:03}" for i in range(250)]
    gateway = start_gateway(bridge_configuration(tmp_path, names))
    status, text = gateway.get("/status.json")
    assert status == 200 and len(text) < 64 << 10
    page = StatusPage(browser, gateway)
    page.wait_for_rates()
    assert len(page.table("Functions")) == 200
    assert browser.complaints() == []


def test_a_click_on_a_heading_sorts(page):
    page.wait_for_rates()

    def names():
        return [row["Function"] for row in page.table("Functions")]

    as_it_came = names()
    button = page.browser.driver.find_element("css selector", "#function-table thead button")
    for expected in (sorted(as_it_came, reverse=True), sorted(as_it_came), as_it_came):
        button.click()
        assert names() == expected


# Every text against what is behind it, as WCAG 2 measures it.
CONTRAST = """
const channels = color => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = node => {
  for (; node; node = node.parentElement) {
    const back = channels(getComputedStyle(node).backgroundColor);
    if (back.length < 4 || back[3] === 1) return back;
  }
  return [255, 255, 255];
};
const poor = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const node = texts.currentNode.parentElement;
  if (!texts.currentNode.textContent.trim() || node.tagName === 'NOSCRIPT') continue;
  const [a, b] = [light(channels(getComputedStyle(node).color)), light(behind(node))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push(`${texts.currentNode.textContent}: ${ratio.toFixed(2)}`);
}
return poor;
"""


async def test_light_and_dark_can_both_be_read(page, gateway, clients):
    await call_a_mix(clients, gateway)
    page.wait(lambda: page.total() > 100, "the calls")
    backgrounds = set()
    for scheme in ("light", "dark"):
        page.browser.scheme(scheme)
        assert page.browser.run(CONTRAST) == [], scheme
        backgrounds.add(page.browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2


def test_tables_stay_tables_for_screen_readers_on_a_phone(page):
    page.wait_for_rates()
    page.browser.resize(360, 800, phone=True)
    tree = page.browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    roles = [node["role"]["value"] for node in tree["nodes"] if not node["ignored"]]
    tables = page.browser.run("return document.querySelectorAll('table:not([hidden])').length")
    assert roles.count("table") == tables >= 4
    assert {"columnheader", "rowheader", "cell", "heading", "status"} <= set(roles)


def test_nothing_comes_from_elsewhere(page):
    page.wait_for_rates()
    script = "return performance.getEntriesByType('resource').map(one => new URL(one.name).origin)"
    origins = set(page.browser.run(script)) | {page.browser.run("return location.origin")}
    assert len(origins) == 1
    # A page on another port may not read the numbers, nor show the page in a frame.
    script = """
        const response = await fetch('/', {headers: {Accept: 'text/html'}});
        return response.headers.get('Content-Security-Policy');
    """
    policy = page.browser.run(script)
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


def test_a_page_cannot_reload_the_gateway(page):
    status = page.browser.run("return (await fetch('/reload', {method: 'POST'})).status")
    assert status == 403
    assert any("403" in line for line in page.browser.complaints())
