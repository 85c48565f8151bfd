"""The log: the start, state changes, the access log, slow calls, and its level from outside."""

import asyncio
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from zero.error import RemoteException, ZeroException

from bridging import all_up, one_backend
from clients import KINDS
from gateway import LOGFMT
from own_port import own_port
from raw import TcpConnection, t3_frame, t3_payload
from scripted_backend import ScriptedTcp
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

ORDER = {"user_id": "1", "items": ["apple", "python"]}
FLAP_LINES = 6  # StateLog::kBurst
SLOW_LINES = 100  # CallLog::kSlowPerSecond


def events(gateway, *names):
    """The fields of the log's lines with these events, in their order."""
    lines = [dict(LOGFMT.findall(line)) for line in gateway.lines]
    lines = [{key: value.strip('"') for key, value in line.items()} for line in lines]
    return [line for line in lines if line.get("event") in names]


def post(gateway, path):
    url = f"http://127.0.0.1:{gateway.admin_port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_one_line_says_what_was_started(start_gateway, own_redis):
    gateway = start_gateway(own_redis.url(), environment={"ZEROGATE_LIMITS_CONNECTIONS": "100"})
    [start] = wait_until(lambda: events(gateway, "start"), PATIENCE_S, "a start line")
    assert re.fullmatch(r"\d+\.\d+\.\d+", start["version"])
    assert start["tcp"] == f"127.0.0.1:{gateway.tcp_port}"
    assert start["zmq"] == f"127.0.0.1:{gateway.zmq_port}"
    assert start["admin"] == f"127.0.0.1:{gateway.admin_port}"
    limits = re.findall(r" limits\.(\w+)=(\d+)", gateway.log)
    assert dict(limits) == {
        "message": str(16 << 20),
        "connections": "100",
        "in_flight": "20000",
        "write_buffer": str(1 << 20),
    }


@pytest.fixture(name="broken_starts")
def broken_starts_fixture(tmp_path):
    """Arguments of starts that fail, with their exit status and the field that says why."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        file = tmp_path / "broken.yaml"
        file.write_text("listn: {}\nthreads: many\n")
        yield {
            "busy port": (["--listen-tcp", f"127.0.0.1:{port}"], 1, "reason"),
            "busy admin port": ([*NO_PORTS, "--admin", f"127.0.0.1:{port}"], 1, "reason"),
            "bad file": (["--config", str(file)], 2, "error"),
            "bad flag": (["--threads", "many"], 2, "error"),
        }


NO_PORTS = ["--listen-tcp", "127.0.0.1:0", "--listen-zmq", "127.0.0.1:0"]


@pytest.mark.parametrize("case", ("busy port", "busy admin port", "bad file", "bad flag"))
@pytest.mark.parametrize("format", ("json", "logfmt"))
@pytest.mark.parametrize("level", ("info", "off"))
def test_a_start_that_fails_says_why_in_the_logs_format(request, broken_starts, case, format, level):
    """By the log's one writer: the line that matters is the last one, whatever the level."""
    arguments, status, field = broken_starts[case]
    binary = request.config.getoption("--zerogate")
    command = [binary, "serve", "--log-format", format, "--log-level", level, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (status, "")
    lines = done.stderr.splitlines()
    if format == "json":
        parsed = [json.loads(line) for line in lines]
    else:
        parsed = [dict(LOGFMT.findall(line)) for line in lines]
    errors = [line for line in parsed if line["level"] == "error"]
    assert errors == parsed[-len(errors) :] and all(line["ts"] for line in parsed), lines
    assert len(errors) == (2 if case == "bad file" else 1), lines
    if level == "off":
        assert errors == parsed, lines
    event = "cannot start" if status == 1 else "configuration"
    assert {line["event"].strip('"') for line in errors} == {event}
    assert all(line[field] for line in errors)


def test_a_start_that_fails_at_the_admin_port_has_served_nobody(request):
    """A caller that was let in would be cut off, in every turn of a restart loop."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        admin = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [request.config.getoption("--zerogate"), "serve", "--admin", admin]
        command += ["--listen-tcp", "127.0.0.1:0", "--listen-zmq", "127.0.0.1:0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "event=listening" not in done.stderr and f"cannot listen on admin {admin}" in done.stderr


@pytest.mark.parametrize("key", ("tcp", "zmq"))
def test_a_start_that_fails_at_a_port_says_which_key_it_is_of(request, key):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"tcp": "127.0.0.1:0", "zmq": "127.0.0.1:0"}
        ports[key] = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [request.config.getoption("--zerogate"), "serve", "--admin", "off"]
        command += ["--listen-tcp", ports["tcp"], "--listen-zmq", ports["zmq"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert f"listen.{key}: cannot listen on {ports[key]}: Address already in use" in done.stderr


def test_the_journal_is_told_the_lines_priorities(request):
    """Only when it reads stderr itself: JOURNAL_STREAM names the stream."""
    binary = request.config.getoption("--zerogate")
    command = [binary, "serve", "--threads", "many"]
    ours, its = socket.socketpair()
    with ours, its:
        stream = os.fstat(its.fileno())
        for name, begin in (
            (f"{stream.st_dev}:{stream.st_ino}", "<3>ts="),
            (f"{stream.st_dev}:{stream.st_ino + 1}", "ts="),
        ):
            environment = {**os.environ, "JOURNAL_STREAM": name}
            assert subprocess.run(command, stderr=its, env=environment, timeout=20).returncode == 2
            assert ours.recv(4096).decode().startswith(begin)


async def test_redis_is_told_of_once_per_change(start_gateway, own_redis, clients):
    """By two workers with two connections each, and whoever calls meanwhile."""
    gateway = start_gateway(
        own_redis.url(),
        ["--threads", "2"],
        {"ZEROGATE_REDIS_CONNECTIONS": "2", "ZEROGATE_LOG_SLOW": "off"},
    )
    client = clients.open("tcp", gateway, parallel=8)
    for _ in range(2):
        own_redis.kill()
        down = lambda: gateway.metrics().total("zerogate_redis_up") == 0
        await until(down, PATIENCE_S, "Redis is down")
        results = await asyncio.gather(
            *(client.call("save_order", ORDER) for _ in range(100)), return_exceptions=True
        )
        assert {type(result) for result in results} == {RemoteException}
        own_redis.restart()
        up = lambda: gateway.metrics().total("zerogate_redis_up") == 1
        await until(up, PATIENCE_S, "Redis is up")
    told = lambda: len(events(gateway, "redis up", "redis down")) >= 5
    await until(told, PATIENCE_S, "five lines")
    told = events(gateway, "redis up", "redis down")
    assert [line["event"] for line in told] == ["redis up", "redis down"] * 2 + ["redis up"]
    assert all(line["reason"] for line in told[1::2])


async def test_an_endpoint_is_told_of_once_per_change(start_bridge, clients):
    async def answer(call):
        call.reply(b"\xc0")

    backend = ScriptedTcp({"f": answer})
    async with backend:
        gateway = await start_bridge(config=one_backend(backend.url, connections=8))
        client = clients.open("tcp", gateway)
        await until(all_up(gateway, 1), PATIENCE_S, "the endpoint is up")
        for _ in range(20):
            assert await client.call("f") is None
    await until(all_up(gateway, 0), PATIENCE_S, "the endpoint is down")
    for _ in range(20):
        with pytest.raises(RemoteException):
            await client.call("f")
    await until(lambda: len(events(gateway, "endpoint down")) == 1, PATIENCE_S, "a line")
    [up, down] = events(gateway, "endpoint up", "endpoint down")
    assert (up["event"], down["event"]) == ("endpoint up", "endpoint down")
    assert up["backend"] == down["backend"] == "b"
    assert down["endpoint"] in backend.url and down["reason"]


async def test_an_endpoint_that_flaps_does_not_fill_the_log(start_bridge):
    """It answers `connect` and closes: up and down as fast as the gateway connects again."""
    flaps = 0

    async def serve(reader, writer):
        nonlocal flaps
        try:
            head = await reader.readexactly(9)
            await reader.readexactly(int.from_bytes(head[:4], "big") - 5)
            writer.write(t3_frame(int.from_bytes(head[4:8], "big"), b"\xa9connected"))
            await writer.drain()
            flaps += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        config = one_backend(f"tcp://127.0.0.1:{port}", connections=1)
        gateway = await start_bridge(config=config)
        begun = time.monotonic()
        await until(lambda: flaps >= 4 * FLAP_LINES, PATIENCE_S, "it has come and gone many times")
    told = events(gateway, "endpoint up", "endpoint down")
    allowed = FLAP_LINES + 1 + (time.monotonic() - begun) / 10
    assert 2 <= len(told) <= allowed, f"{flaps} times up and down"


async def test_the_access_log_has_a_line_for_each_call(start_gateway, own_redis, clients):
    gateway = start_gateway(own_redis.url(), environment={"ZEROGATE_LOG_ACCESS": "all"})
    for kind in KINDS:
        client = clients.open(kind, gateway)
        assert await client.call("echo", "x" * 100)
        await client.call("save_order", ORDER)
        with pytest.raises(ZeroException):
            await client.call("no such function")
    calls = 3 * len(KINDS) + 2  # a ZeroMQ client begins with `connect`
    await until(lambda: len(events(gateway, "call")) == calls, PATIENCE_S, f"{calls} lines")
    lines = events(gateway, "call")
    assert {(line["protocol"], line["wire"]) for line in lines} == {("tcp", "T3"), ("zmq", "W5")}
    for function, outcome, request, reply in (
        ("echo", "ok", 102, 102),
        ("save_order", "ok", 31, None),
        ("no such function", "not_found", 1, None),
    ):
        found = [line for line in lines if line["function"] == function]
        assert len(found) == len(KINDS)
        for line in found:
            assert line["outcome"] == outcome
            assert 0 < float(line["duration_ms"]) < 10_000
            assert int(line["reply_bytes"]) == reply or reply is None
            assert int(line["request_bytes"]) == request
            assert re.fullmatch(r"127\.0\.0\.1:\d+", line["peer"])
    assert gateway.metrics().total("zerogate_log_dropped_total") == 0


async def test_a_client_that_ends_its_side_behind_its_call_is_told_of_with_its_address(start_gateway, own_redis):
    """Its connection is closed behind the reply, before the line is written."""
    gateway = start_gateway(own_redis.url(), environment={"ZEROGATE_LOG_ACCESS": "1"})
    async with await TcpConnection.open(gateway.tcp_port) as client:
        await client.send(t3_frame(1, t3_payload("hello_world")))
        client.writer.write_eof()
        await client.receive_frame()
        assert await client.reader.read() == b""
        await until(lambda: events(gateway, "call"), PATIENCE_S, "its line")
        [line] = events(gateway, "call")
        assert line["outcome"] == "ok"
        assert line["peer"] == "127.0.0.1:%d" % client.writer.get_extra_info("sockname")[1]


async def test_slow_calls_are_always_told_of_and_never_flood_the_log(
    start_gateway, own_redis, clients
):
    environment = {"ZEROGATE_LOG_SLOW": "100ms", "ZEROGATE_REDIS_TIMEOUT": "20s"}
    gateway = start_gateway(own_redis.url(), environment=environment)
    client = clients.open("zmq_async", gateway, timeout_ms=30_000)
    await client.call("hello_world")
    own_redis.pause()
    calls = [asyncio.create_task(client.call("save_order", ORDER)) for _ in range(500)]
    in_flight = lambda: gateway.metrics().total("zerogate_requests_in_flight")
    await until(lambda: in_flight() == 500, PATIENCE_S, "all of them wait for Redis")
    await asyncio.sleep(0.15)  # what is tested is that a call took long
    own_redis.resume()
    await asyncio.gather(*calls)
    await until(lambda: len(events(gateway, "slow call")) >= SLOW_LINES, PATIENCE_S, "slow calls' lines")
    lines = events(gateway, "slow call")
    assert len(lines) <= 4 * SLOW_LINES  # in at most a few seconds
    assert {line["level"] for line in lines} == {"warn"}
    assert {line["function"] for line in lines} == {"save_order"}
    assert all(float(line["duration_ms"]) >= 100 for line in lines)
    duration = "zerogate_request_duration_seconds"
    labels = {"function": "save_order", "protocol": "zmq"}

    def told():
        metrics = gateway.metrics()
        slow = 500 - metrics.total(f"{duration}_bucket", **labels, le="0.1")
        dropped = metrics.total("zerogate_log_dropped_total")
        return len(events(gateway, "slow call")) + dropped == slow > SLOW_LINES

    await until(told, PATIENCE_S, "a slow call has a line, or is counted as one without")
    assert not events(gateway, "call")


async def test_a_log_that_nobody_reads_holds_nobody_up(request, own_redis):
    """stderr is a full pipe: calls are answered, lines are dropped and counted, SIGTERM ends it."""
    command = [request.config.getoption("--zerogate"), "serve", "--redis", own_redis.url()]
    command += ["--listen-tcp", "127.0.0.1:0", "--listen-zmq", "off", "--admin", "127.0.0.1:0"]
    environment = {"ZEROGATE_LOG_ACCESS": "all", "ZEROGATE_LOG_SLOW": "off"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)
    try:
        ports = {}
        for line in process.stderr:
            fields = dict(LOGFMT.findall(line.decode()))
            if fields["event"] == "listening":
                ports[fields["protocol"]] = int(fields["address"].rsplit(":")[-1])
            if fields["event"] == "start":
                break
        calls, batch = 12_000, 500  # 300 lines fill the pipe, 3,000 the queue
        frames = b"".join(t3_frame(i, t3_payload("hello_world")) for i in range(batch))
        async with await TcpConnection.open(ports["tcp"]) as connection:
            for _ in range(calls // batch):
                await connection.send(frames)
                for _ in range(batch):
                    await connection.receive_frame()
        url = f"http://127.0.0.1:{ports['admin']}/metrics"
        with urllib.request.urlopen(url, timeout=10) as page:
            text = page.read().decode()
        dropped = int(re.search(r"^zerogate_log_dropped_total (\d+)$", text, re.M).group(1))
        assert calls / 4 < dropped < calls
        process.terminate()
        assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("where", ("a full disk", "a pipe without a reader"))
async def test_lines_that_cannot_be_written_are_counted(request, own_redis, where):
    admin, tcp = own_port(), own_port()
    command = [request.config.getoption("--zerogate"), "serve", "--redis", own_redis.url()]
    command += ["--listen-tcp", f"127.0.0.1:{tcp}", "--listen-zmq", "off"]
    command += ["--admin", f"127.0.0.1:{admin}"]
    reader, writer = os.pipe()
    os.close(reader)
    stderr = open("/dev/full", "wb") if where == "a full disk" else os.fdopen(writer, "wb")
    environment = {"ZEROGATE_LOG_ACCESS": "all"}
    process = subprocess.Popen(command, stderr=stderr, env=environment)

    def dropped():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=10) as page:
                text = page.read().decode()
        except OSError:
            return -1
        return int(re.search(r"^zerogate_log_dropped_total (\d+)$", text, re.M).group(1))

    try:
        await until(lambda: dropped() >= 0, PATIENCE_S, "it serves")
        before, calls = dropped(), 100
        async with await TcpConnection.open(tcp) as connection:
            for number in range(calls):
                await connection.send(t3_frame(number, t3_payload("hello_world")))
                await connection.receive_frame()
        await until(lambda: dropped() >= before + calls, PATIENCE_S, "every lost line is counted")
        process.terminate()
        assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        process.wait()
        stderr.close()


async def test_the_level_is_changed_while_it_runs(gateway, clients):
    assert gateway.get("/log") == (200, "info\n")
    assert post(gateway, "/log?level=debug") == (200, "info -> debug\n")
    assert gateway.get("/log") == (200, "debug\n")
    assert "level: debug" in gateway.get("/config")[1]
    status, text = post(gateway, "/log?level=loud")
    assert (status, text) == (400, "'loud' is no level; write debug, info, warn, error or off\n")
    assert post(gateway, "/log")[0] == 400
    assert gateway.get("/log") == (200, "debug\n")
    assert post(gateway, "/log?level=info") == (200, "debug -> info\n")


async def test_a_reload_changes_what_is_logged(start_bridge, clients):
    config = {"handlers": ["echo"]}
    gateway = await start_bridge(config=config)
    client = clients.open("tcp", gateway)
    await client.call("echo", 1)
    gateway.config_file.write_text('{"handlers": ["echo"], "log": {"access": "all", "format": "json"}}')
    assert post(gateway, "/reload")[0] == 200
    await client.call("echo", 2)  # the settings are taken over at the end of a turn
    await client.call("echo", 3)
    await until(lambda: '"event":"call","function":"echo"' in gateway.log, PATIENCE_S, "a line in JSON")
    assert not events(gateway, "call"), "none before"
