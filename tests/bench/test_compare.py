"""tests/bench/compare works: every row is there, and nothing is left behind. What the figures are is
of no account here: each is measured for a moment only, on a busy machine."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "interop")]

from comparison import readme  # noqa: E402
from comparison.contests import TRIES_OF_OTHERS, Contest, Load, Pace  # noqa: E402

TIMEOUT_S = 240
MARK = "ZEROGATE_TEST_MARK"


@pytest.fixture
def environment():
    """An environment that tells our processes from all others."""
    return {**os.environ, MARK: uuid.uuid4().hex}


def marked(environment):
    """The command lines of all living processes with our mark."""
    wanted = f"{MARK}={environment[MARK]}".encode()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                yield (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it has ended, or is not ours


def nothing_left(environment, within_s=10):
    deadline = time.monotonic() + within_s
    while left := list(marked(environment)):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    return True


def rows(text, heading):
    """The cells of the table below a heading, without those of its head."""
    lines = text.partition(f"### {heading}\n\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_row_is_there(environment, tmp_path):
    file = tmp_path / "figures.json"
    command = [HERE / "compare", "--smoke", "--json", file]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr + done.stdout
    text = done.stdout
    servers = rows(text, "The same functions, load from `zerogate bench`")
    assert len(servers) == 4 * 4  # Zero's async and sync, Zerogate, the bare one
    assert {row[0] for row in servers} == {"TCP", "ZMQ"}
    assert len(rows(text, "A service that moves from ZeroMQ to TCP")) == 2 * 2 * 3
    assert len(rows(text, "Load from the real Python clients")) == 3 * 3
    assert len(rows(text, "The bridge")) == 3 * 4 + 3 * 3
    assert len(rows(text, "What the load generator costs")) == 2 * 4
    goals = rows(text, "Goals")
    assert len(goals) == 23
    assert all(verdict in ("met", "**missed**") for *_, verdict in goals)
    figures = json.loads(file.read_text())
    assert all(run["rps"] > 0 for contest in figures["contests"]
               for runs in contest["runs"].values() for run in runs)  # fmt: skip
    assert nothing_left(environment)


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGKILL))
def test_nothing_is_left_when_it_is_ended_early(environment, number):
    process = subprocess.Popen(
        [HERE / "compare", "--smoke"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr:
            if "round 1" in line:
                break
        assert len(list(marked(environment))) > 10  # it is under way
        process.send_signal(number)
        assert process.wait(30) != 0
        assert nothing_left(environment)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_documents_are_changed_between_their_marks_only(tmp_path):
    (tmp_path / "docs").mkdir()
    files = [tmp_path / readme.README, tmp_path / readme.DETAILS]
    for file in files:
        file.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    for text in ("new", "newer"):
        readme.update(tmp_path, [text, "more"], "machine and date")
        for file in files:
            lines = file.read_text().splitlines()
            assert lines[:2] == ["before", readme.BEGIN]
            assert lines[-2:] == [readme.END, "after"]
            assert "old" not in lines
        assert readme.PLOT in files[0].read_text() and text not in files[0].read_text().splitlines()
        assert {text, "more", "machine and date"} <= set(files[1].read_text().splitlines())


def test_the_marks_are_there():
    for name in (readme.README, readme.DETAILS):
        text = (HERE.parent.parent / name).read_text()
        assert text.index(readme.BEGIN) < text.index(readme.END)


class FlawedLoad(Contest):
    """Each server loses a call in so many runs, then in none."""

    def __init__(self, server, flawed):
        super().__init__(Load("hello_world", "zmq", 8, 64), {server: self})
        self._flawed = flawed

    def cpu_seconds(self):
        return 0

    def _run(self, program, name, server, pace):
        self._flawed -= 1
        latency = dict.fromkeys(("p50", "p99", "p99.9"), 1)
        counted = dict.fromkeys(("requests", "requests_per_second", "answered"), 1)
        return {"errors": int(self._flawed >= 0), "latency_us": latency, "client_cpu_seconds": 0,
                **counted}  # fmt: skip


def test_a_run_in_which_another_server_lost_a_call_is_made_again(capsys):
    contest = FlawedLoad("Zero, sync", TRIES_OF_OTHERS - 1)
    contest.measure("", Pace(1, 1, 0))
    assert [run["errors"] for run in contest.runs["Zero, sync"]] == [0]
    assert capsys.readouterr().err.count("measured again: Zero, sync at ") == TRIES_OF_OTHERS - 1
    with pytest.raises(SystemExit, match="Zero, sync at "):
        FlawedLoad("Zero, sync", TRIES_OF_OTHERS).measure("", Pace(1, 1, 0))


@pytest.mark.parametrize("ours", ["Zerogate", "Zerogate, in_flight: 1 → Zero's TCP server"])
def test_zerogate_has_no_second_try(ours):
    with pytest.raises(SystemExit, match="Zerogate"):
        FlawedLoad(ours, 1).measure("", Pace(1, 1, 0))
