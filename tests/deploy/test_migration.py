"""deploy/examples/migration/run without containers: it ends well, and says which protocol was spoken.

It proves every line itself, by the gateway's metrics; a step that is not as it should be fails it.
"""

import importlib
import os
import re
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = f"{TOP}/deploy/examples/migration"
TIMEOUT_S = 150  # generous: it takes about 20 s, the virtual environment included


def test_every_step():
    ended = subprocess.run(
        [f"{EXAMPLE}/run"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "MIGRATION_PORTS": "free"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.findall(r"^==> (\d)\. ", ended.stdout, re.M) == list("123456")
    assert ended.stdout.count(" of 20 answers right\n") == ended.stdout.count("20 of 20 ") == 18
    shares = re.findall(r"the gateway counted 60 calls: ZeroMQ (\d+) .*, TCP (\d+) ", ended.stdout)
    assert shares == [("60", "0"), ("40", "20"), ("20", "40"), ("0", "60")]


SAID, LOGGED, FAILED = '{"calls": 20}', "INFO client > Connected", "ValueError: no answer"


@pytest.mark.parametrize(
    "text, answer",
    [
        (f"{LOGGED}\n{SAID}\n", {"calls": 20}),
        (f"{SAID}\n{LOGGED}\n", {"calls": 20}),
        (f"{LOGGED}\n{FAILED}\n", None),
        ("", None),
    ],
)
def test_an_answer_is_found_among_the_lines_of_the_log(text, answer, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE)
    sites = importlib.import_module("sites")
    assert sites.answer(text) == answer
