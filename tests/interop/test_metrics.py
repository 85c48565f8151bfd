"""What was called is what is counted, and the admin server's other pages."""

import asyncio
import os
import re
import shutil
import socket
import subprocess

import pytest
from zero.error import RemoteException, ValidationException, ZeroException

from bridging import one_backend
from clients import KINDS
from gateway import Gateway
from raw import TcpConnection, t3_frame, t3_payload
from redis_server import RedisServer
from scripted_backend import ScriptedTcp, echo
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

ORDER = {"user_id": "1", "items": ["apple", "python"]}
FUNCTIONS = {"hello_world", "echo", "save_order", "get_order"}
REQUESTS = "zerogate_requests_total"
DURATIONS = "zerogate_request_duration_seconds"
MEMORY_FAMILIES = 700  # bytes at most of two families


def settled(gateway, requests):
    """The metrics, once nothing is in flight and this many requests have been counted.

    A call's outcome is counted when it is answered, its duration last of all, when its turn ends:
    a client may have its reply and come with a scrape before that.
    """

    def scrape():
        metrics = gateway.metrics()
        counted = metrics.total(REQUESTS) == requests == timed(metrics)
        return metrics if counted and not metrics.total("zerogate_requests_in_flight") else None

    def timed(metrics):
        return sum(value for _, value in metrics.select(DURATIONS + "_count"))

    def found():
        metrics = gateway.metrics()
        counted = [(labels, value) for labels, value in metrics.select(REQUESTS) if value]
        return f"{requests} requests were made, {timed(metrics)} timed, counted are {counted}"

    return wait_until(scrape, PATIENCE_S, found)


async def test_what_dashboards_need_is_there_from_the_start(gateway):
    metrics = gateway.metrics()
    lines = gateway.get("/metrics")[1].splitlines(keepends=True)
    # It depends on the machine whether these two are there: core/metrics/memory_collector_test.cc.
    anywhere = [line for line in lines if not re.search("zerogate_memory_(limit|working_set)_bytes", line)]
    assert len("".join(anywhere)) + MEMORY_FAMILIES < 20_000
    for protocol, wire in (("tcp", "T3"), ("zmq", "W5")):
        for function in FUNCTIONS | {"_other"}:
            labels = {"protocol": protocol, "function": function}
            found = metrics.select(REQUESTS, **labels)
            expected = {(wire, "ok")} | ({(wire, "not_found")} if function == "_other" else set())
            assert {(labels["wire"], labels["outcome"]) for labels, _ in found} == expected
            assert sum(value for _, value in found) == 0
            assert not metrics.select(DURATIONS + "_count", **labels)
        for name in ("requests_in_flight", "connections", "connections_accepted_total"):
            assert metrics.total("zerogate_" + name, protocol=protocol) == 0
        for name in ("received_bytes_total", "sent_bytes_total", "malformed_total"):
            assert metrics.total("zerogate_" + name, protocol=protocol) == 0
        assert metrics.total("zerogate_connections_rejected_total", protocol=protocol) == 0
    assert metrics.total("zerogate_redis_commands_total") >= 0
    assert metrics.total("zerogate_redis_command_duration_seconds_count") >= 0
    assert metrics.total("zerogate_redis_up") == 1
    assert metrics.total("zerogate_loop_lag_seconds_count") >= 0
    assert metrics.total("zerogate_loop_busy_seconds") >= 0
    assert metrics.total("zerogate_log_dropped_total") == 0
    assert metrics.total("zerogate_build_info") == 1
    assert metrics.total("process_resident_memory_bytes") > 0
    assert metrics.total("process_start_time_seconds") > 0


async def test_calls_of_every_client_add_up(gateway, clients):
    calls = 0
    for kind in KINDS:
        client = clients.open(kind, gateway)
        calls += kind != "tcp"  # a ZeroMQ client begins with `connect`, a request like others
        saved = await client.call("save_order", ORDER)
        await client.call("get_order", saved["order_id"])
        for _ in range(17):
            await client.call("hello_world")
        for _ in range(5):
            await client.call("echo", "x" * 100)
        with pytest.raises(ValidationException):
            await client.call("save_order", [])
        with pytest.raises(RemoteException):
            await client.call("get_order", "00000000-0000-4000-8000-000000000000")
        with pytest.raises(ZeroException):
            await client.call("nope")
        calls += 2 + 17 + 5 + 3

    metrics = settled(gateway, calls)
    by_protocol = {"tcp": 1, "zmq": 2}  # kinds of clients
    for protocol, kinds in by_protocol.items():

        def counted(function, outcome):
            labels = {"protocol": protocol, "function": function, "outcome": outcome}
            return metrics.total(REQUESTS, **labels) / kinds

        assert counted("hello_world", "ok") == 17
        assert counted("echo", "ok") == 5
        assert counted("save_order", "ok") == 1
        assert counted("save_order", "invalid") == 1
        assert counted("get_order", "ok") == 1
        assert counted("get_order", "error") == 1
        assert counted("_other", "not_found") == 1
    assert metrics.total(DURATIONS + "_count") == calls
    assert metrics.total(DURATIONS + "_bucket", le="+Inf") == calls
    assert metrics.total("zerogate_redis_commands_total", outcome="ok") == 3 * 3
    assert metrics.total("zerogate_redis_command_duration_seconds_count") == 3 * 3


@pytest.mark.parametrize("protocol, kind", [("tcp", "tcp"), ("zmq", "zmq_async")])
async def test_ten_thousand_calls_are_counted_as_ten_thousand(gateway, clients, protocol, kind):
    """Exactly, by counter and histogram, as Prometheus would sum them up."""
    client = clients.open(kind, gateway, parallel=16)
    calls = 10_000
    connects = 0 if kind == "tcp" else 1

    async def caller(share):
        for _ in range(share):
            await client.call("hello_world")

    await asyncio.gather(*(caller(calls // 16) for _ in range(16)))
    metrics = settled(gateway, calls + connects)
    of = {"protocol": protocol, "function": "hello_world"}
    assert metrics.total(REQUESTS, **of, outcome="ok") == calls
    assert metrics.total(DURATIONS + "_count", **of) == calls
    assert metrics.total("zerogate_loop_lag_seconds_count") > 0


async def test_limits_are_shown(start_gateway, own_redis):
    environment = {"ZEROGATE_LIMITS_CONNECTIONS": "100", "ZEROGATE_LIMITS_IN_FLIGHT": "51"}
    gateway = start_gateway(own_redis.url(), ["--threads", "2"], environment)
    metrics = gateway.metrics()
    for protocol in ("tcp", "zmq"):
        assert metrics.total("zerogate_connections_limit", protocol=protocol) == 100
    assert metrics.total("zerogate_requests_in_flight_limit") == 50, "25 for each of two loops"


async def test_buckets_are_cumulative_and_end_with_the_count(gateway, clients):
    client = clients.open("tcp", gateway)
    await asyncio.gather(*(client.call("hello_world") for _ in range(50)))
    metrics = settled(gateway, 50)
    labels = {"protocol": "tcp", "function": "hello_world"}
    buckets = metrics.select(DURATIONS + "_bucket", **labels)
    bounds = [float(bucket["le"].replace("+Inf", "inf")) for bucket, _ in buckets]
    values = [value for _, value in buckets]
    assert bounds == sorted(bounds)
    assert bounds[0] == pytest.approx(50e-6)
    assert bounds[-2] == pytest.approx(10)
    assert values == sorted(values)
    assert values[-1] == metrics.total(DURATIONS + "_count", **labels) == 50
    assert 0 < metrics.total(DURATIONS + "_sum", **labels) < 50


async def test_bytes_and_connections(gateway):
    frame = t3_frame(1, t3_payload("echo", b"\xc4\x64" + bytes(100)))
    async with await TcpConnection.open(gateway.tcp_port) as connection:
        for _ in range(10):
            await connection.send(frame)
            await connection.receive_frame()
        metrics = settled(gateway, 10)
        assert metrics.total("zerogate_connections", protocol="tcp") == 1
        assert metrics.total("zerogate_connections_accepted_total", protocol="tcp") == 1
        assert metrics.total("zerogate_received_bytes_total", protocol="tcp") == 10 * len(frame)
        assert metrics.total("zerogate_sent_bytes_total", protocol="tcp") == 10 * (9 + 102)
    gone = lambda: gateway.metrics().total("zerogate_connections", protocol="tcp") == 0
    await until(gone, PATIENCE_S, "the connection is not counted any more")


async def test_invented_names_add_no_label(gateway, clients):
    before = gateway.metrics()
    labels = before.values(REQUESTS, "function")
    assert FUNCTIONS | {"_other"} <= labels
    assert len(labels) <= 201
    opened = {kind: clients.open(kind, gateway) for kind in KINDS}

    async def invent(numbers):
        for kind, client in opened.items():
            for number in numbers:
                with pytest.raises(ZeroException):
                    await client.call(f"invented_{kind}_{number}")

    await invent(range(1))
    first = settled(gateway, 3 + 2)
    await invent(range(1, 100))
    after = settled(gateway, 300 + 2)
    assert after.values(REQUESTS, "function") == labels
    assert after.values(DURATIONS + "_count", "function") == {"_other", "connect"}
    assert len(after.samples) == len(first.samples)
    assert after.total(REQUESTS, function="_other", outcome="not_found") == 300


@pytest.mark.parametrize(
    "reason, data",
    [
        ("bad_length", b"\0\0\0\x03abc"),
        ("empty", t3_frame(1, b"")),
        ("bad_msgpack", t3_frame(1, b"\xc1")),
        ("too_large", b"\x02\0\0\0\0\0\0\x01\0"),
        ("too_deep", t3_frame(1, t3_payload("echo", b"\x91" * 1025 + b"\xc0"))),
        ("bad_name", t3_frame(1, t3_payload("x" * 1025))),
        ("truncated", b"\0\0\0\x20\0\0\0\x01\0\x82"),
        ("other_protocol", b"GET / HTTP/1.1\r\n\r\n"),
    ],
)
async def test_malformed_is_counted_by_reason(gateway, reason, data):
    async with await TcpConnection.open(gateway.tcp_port) as connection:
        await connection.send(data)
        if reason in ("truncated", "too_deep", "bad_name"):  # the last two are answered
            connection.writer.write_eof()
        await connection.ended()
    labels = {"protocol": "tcp", "reason": reason}
    counted = lambda: gateway.metrics().total("zerogate_malformed_total", **labels) == 1
    wait_until(counted, PATIENCE_S, f"malformed_total of {labels} is 1")
    assert gateway.metrics().total("zerogate_malformed_total") == 1


async def test_config_masks_the_password(start_gateway, clients):
    redis = RedisServer(password="s3kret-w0rd").start()
    try:
        gateway = start_gateway(redis.url(database=3))
        for kind in KINDS:
            saved = await clients.open(kind, gateway).call("save_order", ORDER)
            with redis.client(database=3) as database:
                assert database.exists(saved["order_id"])
        status, text = gateway.get("/config")
        assert status == 200
        assert f"127.0.0.1:{redis.port}/3" in text
        assert "s3kret" not in text
        assert "s3kret" not in gateway.log
        for path in ("/metrics", "/readyz", "/healthz"):
            assert "s3kret" not in gateway.get(path)[1]
        await clients.close_all()
    finally:
        redis.close()


async def test_wrong_password_is_said(start_gateway, clients):
    redis = RedisServer(password="right").start()
    try:
        gateway = start_gateway(f"redis://:wr0ng@127.0.0.1:{redis.port}/0")
        client = clients.open("tcp", gateway)
        with pytest.raises(RemoteException, match="(?i)redis") as error:
            await client.call("save_order", ORDER)
        assert "wr0ng" not in str(error.value) + gateway.log
        assert await client.call("hello_world") == "hello world"
        await clients.close_all()
    finally:
        redis.close()


async def test_the_small_pages(gateway):
    assert gateway.get("/healthz")[0] == 200
    assert gateway.readyz()[0] == 200
    assert gateway.get("/nothing")[0] == 404


async def test_metrics_are_prometheus_text(gateway):
    _, text = gateway.get("/metrics")
    typed = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", text, re.M))
    assert {REQUESTS, DURATIONS, "zerogate_redis_up", "zerogate_build_info"} <= typed
    for name in re.findall(r"^# HELP (\S+) \S", text, re.M):
        typed.discard(name)
    assert not typed, "every family says what it is"


def promtool(text):
    """(exit status, stdout, stderr) of its check."""
    if not shutil.which("promtool"):
        pytest.skip("no promtool: install the package prometheus")
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )
    return check.returncode, check.stdout, check.stderr


def test_promtool_has_nothing_to_say(gateway):
    assert promtool(gateway.get("/metrics")[1]) == (0, "", "")


async def test_two_hundred_functions_over_both_protocols_are_a_page_of_a_bearable_size(
    start_bridge, clients, record_property
):
    names = [f"function_{i}" for i in range(199)]  # with `connect` as many as have labels
    async with ScriptedTcp(dict.fromkeys(names, echo)) as backend:
        config = one_backend(backend.url)
        config["routes"][0]["functions"] = names
        gateway = await start_bridge(config=config)
        for kind in ("tcp", "zmq_async"):
            client = clients.open(kind, gateway)
            for name in names:
                assert await client.call(name, 1) == 1
        metrics = settled(gateway, 2 * len(names) + 1)
        for protocol in ("tcp", "zmq"):
            for name in names:
                of = {"protocol": protocol, "function": name}
                assert metrics.total(REQUESTS, **of, outcome="ok") == 1
                assert metrics.total(DURATIONS + "_count", **of) == 1
                assert metrics.select(DURATIONS + "_bucket", **of, le="0.25"), "for the alerts"
        text = gateway.get("/metrics")[1]
        record_property("metrics", f"{len(text)} bytes")
        assert len(text) < 600_000
        assert promtool(text) == (0, "", "")


def test_log_has_a_line_for_each_listener(gateway):
    gateway.stop()  # the log is whole now
    events = re.findall(r"\bevent=(\w+)", gateway.log)
    assert events.count("listening") == 3


def test_ports_are_free_after_the_end(gateway):
    ports = gateway.tcp_port, gateway.zmq_port, gateway.admin_port
    gateway.stop()
    for port in ports:
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", port))


@pytest.mark.skipif(os.getuid() != 0, reason="needs a mount namespace")
def test_the_start_time_does_not_move_with_the_clock(request, own_redis, tmp_path):
    """The kernel's btime flips by a second when the clock is slewed; that is no restart."""
    stat = tmp_path / "stat"
    stat.write_text("cpu 0\nbtime 1000000000\n")
    program = tmp_path / "zerogate"
    binary = os.path.abspath(request.config.getoption("--zerogate"))
    # In a chroot / may be no mount, whose propagation could be changed.
    program.write_text(f"""#!/bin/sh
exec unshare --mount --propagation unchanged sh -c '
  mount --make-private /proc && mount --bind {stat} /proc/stat && exec {binary} "$@"' - "$@"
""")
    program.chmod(0o755)
    gateway = Gateway(str(program), own_redis.url())
    try:
        gateway.start()
        before = gateway.metrics().total("process_start_time_seconds")
        assert 1e9 <= before < 1.5e9
        stat.write_text("cpu 0\nbtime 1000000001\n")
        assert gateway.metrics().total("process_start_time_seconds") == before
    finally:
        gateway.close()
