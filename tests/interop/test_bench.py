"""`zerogate bench`: what it counts, against real servers and against servers that misbehave. The
load is short: none of this measures how fast anybody is."""

import asyncio
import contextlib
import json
import os
import signal
import time

import msgspec
import pytest

from raw import t3_frame
from scripted_backend import SCRIPTED, ScriptedTcp, silent
from waiting import PATIENCE_S, wait_until

ORDER = {"user_id": "1", "items": ["apple", "python"]}
SHORT = ("--duration", "300ms", "--warmup", "50ms")
FROM_THE_START = ("--duration", "300ms", "--warmup", "0s")  # the first calls count
# The time-out is also that of `connect`, which the test itself answers, however busy the machine.
ANSWERED_IN_TIME = ("--timeout", "2s")
PROTOCOLS = ("tcp", "zmq")


class Bench:
    """One run of the program."""

    def __init__(self, process):
        self.process = process

    async def finish(self):
        out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE_S)
        self.status = self.process.returncode
        self.out, self.err = out.decode(), err.decode()
        assert "Sanitizer" not in self.err and "runtime error" not in self.err, self.err
        return self

    @property
    def report(self):
        return json.loads(self.out)


@pytest.fixture
async def start_bench(request):
    program = request.config.getoption("--zerogate")
    processes = []

    async def start(*arguments, as_json=True):
        command = [program, "bench", *arguments, *(["--json"] if as_json else [])]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        processes.append(process)
        return Bench(process)

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def bench(start_bench):
    async def run(*arguments, **options):
        return await (await start_bench(*arguments, **options)).finish()

    return run


def url_of(peer, protocol):
    return f"{protocol}://127.0.0.1:{peer.tcp_port if protocol == 'tcp' else peer.zmq_port}"


def sound(report):
    """What holds for the report of every good run."""
    latency = report["latency_us"]
    assert report["requests"] > 0 and report["errors"] == 0, report
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p99.9"]
    assert latency["p99.9"] <= latency["p99.99"] <= latency["max"]
    assert report["requests_per_second"] == pytest.approx(report["requests"] / report["seconds"])
    assert report["disconnects"] == report["unfinished"] == 0
    return True


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("shape", ((1, 1), (4, 16)))
async def test_closed_loop(bench, peer, protocol, shape):
    connections, depth = map(str, shape)
    words = ("--connections", connections, "--depth", depth, "--expect", '"hello world"', *SHORT)
    run = await bench(url_of(peer, protocol), "hello_world", *words)
    assert run.status == 0 and run.err == "", run.err
    assert sound(run.report)
    assert run.report["seconds"] == pytest.approx(0.3)
    reply_bytes = 21 if protocol == "tcp" else 28
    assert run.report["received_bytes"] == reply_bytes * run.report["requests"]
    request_bytes = 31 if protocol == "tcp" else 96
    assert run.report["sent_bytes"] == request_bytes * run.report["requests"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_open_loop_sends_what_was_asked_for(bench, peer, protocol):
    rate = 500  # little enough for any machine
    run = await bench(url_of(peer, protocol), "hello_world", "--rate", str(rate), *SHORT)
    assert sound(run.report)
    assert run.report["requests"] == rate * 0.3
    assert run.report["sent_late_us"]["max"] <= run.report["latency_us"]["max"]


async def test_every_call_reaches_the_server_once(bench, own_peer, own_redis):
    order = json.dumps(ORDER)
    run = await bench(url_of(own_peer, "tcp"), "save_order", order, "--depth", "4", *SHORT)
    assert sound(run.report)
    saved = own_redis.client().dbsize()  # those of the warm-up and of the end, too
    assert run.report["requests"] <= saved


async def test_errors_count_by_kind_with_a_sample(bench, peer):
    run = await bench(url_of(peer, "zmq"), "save_order", "7", "--connections", "2", *SHORT)
    assert run.status == 1 and "no call was answered rightly" in run.err
    assert run.report["errors"] == run.report["errors_by_kind"]["validation"] > 0
    assert run.report["error_samples"]["validation"].startswith("validation_error: Expected")

    run = await bench(url_of(peer, "tcp"), "nope", "--connections", "2", *SHORT)
    assert run.status == 1
    assert run.report["errors"] == run.report["errors_by_kind"]["not_found"] > 0

    run = await bench(url_of(peer, "tcp"), "echo", "1", "--expect", "2", *SHORT)
    assert run.status == 1
    assert run.report["errors_by_kind"]["unexpected"] > 0
    assert run.report["error_samples"]["unexpected"] == "1"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_long_error_is_shown_in_part(bench, protocol):
    body = msgspec.msgpack.encode({"__zerror__server_exception": "boom" * 1_000})
    async with SCRIPTED[protocol]({"f": lambda call: call.reply(body, 1)}) as server:
        run = await bench(server.url, "f", "--connections", "1", *FROM_THE_START)
        assert run.status == 1
        assert run.report["errors_by_kind"]["exception"] == run.report["errors"] > 0
        sample = run.report["error_samples"]["exception"]
        assert "boomboom" in sample and sample.endswith("…") and len(sample) < 500


async def test_report_for_people(bench, peer):
    run = await bench(url_of(peer, "tcp"), "hello_world", *SHORT, as_json=False)
    assert run.status == 0 and run.err == ""  # no progress where nobody looks
    for words in ("requests", "p50", "p99.99", "max", "errors      0"):
        assert words in run.out


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_nobody_there(bench, protocol, unused_tcp_port):
    run = await bench(f"{protocol}://127.0.0.1:{unused_tcp_port}", "f", "--timeout", "5s")
    assert run.status == 1 and run.out == ""
    assert run.err.count("\n") == 1 and "cannot connect to" in run.err and "refused" in run.err


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_host_that_nobody_knows(bench, protocol):
    name = "a" * 64  # longer than a label may be, so that no name server is asked
    run = await bench(f"{protocol}://{name}:1", "f")
    assert run.status == 1 and run.out == ""
    assert run.err.count("\n") == 1 and f"cannot find the host {name}" in run.err


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_server_that_accepts_and_says_nothing(bench, protocol):
    async with SCRIPTED[protocol]({"connect": silent}) as server:
        run = await bench(server.url, "f", "--timeout", "100ms")
        assert run.status == 1 and run.out == ""
        assert run.err.count("\n") == 1 and "no answer to `connect` within 100 ms" in run.err


async def test_a_server_that_says_nothing_to_a_connection_opened_again(bench):
    connects = 0

    def only_the_first(call):
        nonlocal connects
        connects += 1
        if connects == 1:
            call.reply(b"\xa9connected")

    script = {"connect": only_the_first, "f": lambda call: call.close()}
    async with ScriptedTcp(script) as server:
        run = await bench(server.url, "f", "--connections", "1", *ANSWERED_IN_TIME, *FROM_THE_START)
        assert run.status == 1 and connects > 1
        assert run.report["errors_by_kind"]["disconnected"] == run.report["errors"] > 0


async def test_wrong_protocol(bench, peer):
    zmq = f"tcp://127.0.0.1:{peer.zmq_port}"
    run = await bench(zmq, "f", "--timeout", "2s")
    assert run.status == 1 and run.err.count("\n") == 1
    tcp = f"zmq://127.0.0.1:{peer.tcp_port}"
    run = await bench(tcp, "f", "--timeout", "1s")
    assert run.status == 1 and run.err.count("\n") == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_local_sockets(bench, tmp_path, protocol):
    async with SCRIPTED[protocol](path=str(tmp_path / "socket")) as server:
        run = await bench(server.url, "echo", "[1]", "--expect", "[1]", *SHORT)
        assert run.status == 0 and sound(run.report)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_silence_is_a_timeout(bench, protocol):
    async with SCRIPTED[protocol]({"f": silent}) as server:
        words = ("--connections", "2", "--depth", "3", *ANSWERED_IN_TIME, *FROM_THE_START)
        run = await bench(server.url, "f", *words)
        assert run.status == 1
        kinds = run.report["errors_by_kind"]
        assert kinds["timeout"] == run.report["errors"] >= 6
        assert "2000 ms" in run.report["error_samples"]["timeout"]


async def test_a_connection_that_ends_is_opened_again(bench):
    calls = 0

    def close_every_tenth(call):
        nonlocal calls
        calls += 1
        call.close() if calls % 10 == 0 else call.reply(call.data)

    async with ScriptedTcp({"f": close_every_tenth}) as server:
        run = await bench(server.url, "f", "--connections", "2", "--duration", "1s", "--warmup", "0s")
        assert run.status == 0
        assert run.report["requests"] > 0
        assert run.report["errors_by_kind"]["disconnected"] == run.report["disconnects"] > 0
        assert run.report["errors"] == run.report["disconnects"]


GARBAGE = {
    "bytes": {"tcp": b"HTTP/1.1 400 Bad Request\r\n\r\n", "zmq": [b"?"]},
    "an answer to nobody": {"tcp": t3_frame(77, b"\x01"), "zmq": [b"i" * 16 + b"\x01"]},
    "several frames": {"tcp": t3_frame(1, b"")[:9], "zmq": [b"i" * 16, b"\x01"]},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_is_malformed(bench, protocol, garbage):
    bytes_sent = GARBAGE[garbage][protocol]
    async with SCRIPTED[protocol]({"f": lambda call: call.send(bytes_sent)}) as server:
        run = await bench(server.url, "f", "--connections", "2", *FROM_THE_START)
        assert run.status == 1
        assert run.report["errors_by_kind"]["malformed"] == run.report["errors"] > 0


async def test_an_answer_that_comes_twice_is_malformed(bench):
    def twice(call):
        call.reply(call.data)
        call.reply(call.data)

    async with ScriptedTcp({"f": twice}) as server:
        run = await bench(server.url, "f", "--connections", "1", *FROM_THE_START)
        assert run.report["disconnects"] > 0
        assert run.report["errors_by_kind"]["malformed"] > 0


async def test_a_server_that_does_not_read(bench):
    async with ScriptedTcp({"f": lambda call: call.stop_reading()}) as server:
        words = ("--depth", "100", *ANSWERED_IN_TIME, "--connections", "1", *FROM_THE_START)
        run = await bench(server.url, "f", json.dumps("x" * 100_000), *words)
        assert run.status == 1
        assert run.report["errors_by_kind"]["timeout"] > 0


# Acceptance: the server is stopped for a second in the middle, and the percentiles tell.
@pytest.mark.gateway
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_open_loop_shows_a_stall(start_bench, gateway, protocol):
    rate, seconds = 2_000, 4
    bench = await start_bench(
        url_of(gateway, protocol), "hello_world", "--connections", "2", "--depth", "2",
        "--rate", str(rate), "--duration", f"{seconds}s", "--warmup", "0s"
    )  # fmt: skip
    await until_requests(gateway, rate)
    os.kill(gateway.pid, signal.SIGSTOP)
    await asyncio.sleep(1)
    os.kill(gateway.pid, signal.SIGCONT)
    run = await bench.finish()
    assert run.status == 0, run.err
    report, latency = run.report, run.report["latency_us"]
    # Not one call is missing from the figures, though only four places were free in that second.
    assert report["requests"] == rate * seconds and report["errors"] == 0
    assert latency["max"] > 0.95e6
    assert latency["p99.9"] > 0.9e6
    assert latency["p90"] > 0.3e6  # a quarter of the calls was due in that second
    assert report["sent_late_us"]["p99"] > 0.8e6  # and it says that they waited with us


async def until_requests(gateway, wanted):
    def enough():
        return gateway.metrics().total("zerogate_requests_total") >= wanted

    await asyncio.to_thread(wait_until, enough, PATIENCE_S, f"{wanted} requests")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_cannot_be_sent_in_time_is_counted(bench, protocol):
    rate = 1_000
    async with SCRIPTED[protocol]({"f": silent}) as server:
        words = ("--rate", str(rate), "--connections", "1", "--depth", "2", *ANSWERED_IN_TIME)
        run = await bench(server.url, "f", *words, "--duration", "500ms", "--warmup", "0s")
        assert run.status == 1
        kinds = run.report["errors_by_kind"]
        assert kinds["unsent"] > 0 and kinds["timeout"] > 0
        # Every call that was due is accounted for.
        assert run.report["errors"] == rate * 0.5 and run.report["unfinished"] == 0


@pytest.mark.parametrize("rate", ((), ("--rate", "500")))
async def test_ctrl_c_prints_what_was_measured(start_bench, peer, rate):
    begun = time.monotonic()
    bench = await start_bench(url_of(peer, "tcp"), "hello_world", "--duration", "1h", "--warmup",
                              "0s", *rate)  # fmt: skip
    await asyncio.sleep(0.5)
    bench.process.send_signal(signal.SIGINT)
    run = await bench.finish()
    assert run.status == 0, run.err
    assert run.report["requests"] > 0 and run.report["errors"] == 0
    assert 0 < run.report["seconds"] < time.monotonic() - begun


async def test_ctrl_c_while_connecting(start_bench):
    async with ScriptedTcp({"connect": silent}) as server:
        bench = await start_bench(server.url, "f", "--timeout", "1m")
        while not server.accepted:
            await asyncio.sleep(0.005)
        bench.process.send_signal(signal.SIGINT)
        run = await bench.finish()
        assert run.status == 1 and "interrupted" in run.err and run.out == ""


def read_to_end(controller):
    """All that was written to a terminal which nobody has open any more: it comes in pieces."""
    shown = b""
    with contextlib.suppress(OSError):  # EIO: the end
        while piece := os.read(controller, 4_096):
            shown += piece
    os.close(controller)
    return shown.decode()


async def test_progress_on_a_terminal(request, peer):
    program = request.config.getoption("--zerogate")
    controller, terminal = os.openpty()
    url = url_of(peer, "tcp")
    command = [program, "bench", url, "hello_world", "--duration", "1500ms", "--warmup", "0s"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=terminal
    )
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    os.close(terminal)
    shown = read_to_end(controller)
    assert "measuring" in shown and "/s now" in shown
    assert shown.endswith("\r\x1b[K")  # nothing is left of it


async def test_a_port_without_tls_is_a_likely_reason(bench):
    async with ScriptedTcp() as server:
        run = await bench(f"tls://127.0.0.1:{server.port}", "f", *SHORT, "--timeout", "100ms")
    assert (run.status, "and is this its port with TLS?" in run.err) == (1, True), run.err
