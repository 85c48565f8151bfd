"""Who calls: the list of clients, the command that shows it, and the log's lines about ill peers."""

import asyncio
import json
import re
import socket
import struct
import subprocess

import pytest

from gateway import LOGFMT
from raw import GREETING, TcpConnection, ZmqConnection, t3_frame, t3_payload
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

MOST = 200  # ClientList::kMost
LINES = 5  # RefusalLog::kLines
HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)


def clients_of(gateway):
    status, text = gateway.get("/clients")
    assert status == 200, text
    return json.loads(text)


def told(gateway, event):
    lines = [dict(LOGFMT.findall(line)) for line in gateway.lines]
    lines = [{key: value.strip('"') for key, value in line.items()} for line in lines]
    return [line for line in lines if line["event"] == event]


def malformed(gateway, protocol):
    return gateway.metrics().total("zerogate_malformed_total", protocol=protocol)


def name_of(connected):
    host, port = connected.getsockname()[:2]
    return f"{host}:{port}"


async def test_clients_of_both_protocols(gateway, clients):
    tcp, zmq = clients.open("tcp", gateway), clients.open("zmq_async", gateway)
    for _ in range(5):
        await tcp.call("echo", "x")
    for _ in range(3):
        await zmq.call("hello_world")
    listed = clients_of(gateway)
    assert (listed["left_out"], listed["silent_workers"]) == (0, 0)
    calls = {"tcp": 0, "zmq": 0}
    for client in listed["clients"]:  # the real client has several connections
        calls[client["protocol"]] += client["calls"]
    assert calls == {"tcp": 5, "zmq": 4}, listed  # a ZeroMQ client begins with `connect`
    called = {client["wire"]: client for client in listed["clients"] if client["calls"]}
    assert called.keys() == {"T3", "W5"}, listed
    over_tcp, over_zmq = called["T3"], called["W5"]
    assert over_tcp["function"] == "echo"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", over_tcp["peer"]) and over_tcp["identity"] is None
    assert over_zmq["function"] == "hello_world"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", over_zmq["peer"]) and over_zmq["identity"] is None
    for client in listed["clients"]:
        assert client["in_flight"] == client["unsent_bytes"] == 0
        assert 0 <= client["age_seconds"] < 60


async def test_a_client_that_does_not_read(gateway):
    """It is the one with bytes that wait; another has a call for a function that nobody knows."""
    argument = b"\xc6" + (1 << 20).to_bytes(4, "big") + bytes(1 << 20)
    unsent = b"".join(t3_frame(number, t3_payload("echo", argument)) for number in range(32))
    with socket.create_connection(("127.0.0.1", gateway.tcp_port)) as slow:
        slow.setblocking(False)
        mine = name_of(slow)
        other = await TcpConnection.open(gateway.tcp_port)
        await other.send(t3_frame(1, t3_payload("no such function")))
        await other.receive_frame()

        def waits():
            nonlocal unsent
            try:
                unsent = unsent[slow.send(unsent) :]
            except BlockingIOError:
                pass
            found = {client["peer"]: client for client in clients_of(gateway)["clients"]}
            return mine in found and found[mine]["unsent_bytes"] > 1 << 20 and found

        found = await until(waits, PATIENCE_S, "bytes wait")
        assert found[mine]["function"] == "echo"
        its = found[name_of(other.writer.get_extra_info("socket"))]
        assert (its["function"], its["calls"]) == ("_other", 1)
        other.writer.transport.abort()


async def test_a_crowd_is_counted_and_not_listed(start_gateway, own_redis):
    gateway = start_gateway(own_redis.url(), ["--threads", "2"])
    connections = [await TcpConnection.open(gateway.tcp_port) for _ in range(MOST + 50)]
    busy = connections[MOST]
    await busy.send(t3_frame(1, t3_payload("hello_world")))
    await busy.receive_frame()

    def all_there():
        listed = clients_of(gateway)
        return len(listed["clients"]) + listed["left_out"] == MOST + 50 and listed

    listed = await until(all_there, PATIENCE_S, "all are accepted")
    assert len(listed["clients"]) == MOST
    assert listed["clients"][0]["peer"] == name_of(busy.writer.get_extra_info("socket"))
    assert listed["clients"][1]["wire"] is listed["clients"][1]["function"] is None
    for connection in connections:
        connection.writer.transport.abort()


async def test_the_command_shows_them_as_a_table(request, gateway):
    command = [request.config.getoption("--zerogate"), "clients"]
    command += ["--admin", f"127.0.0.1:{gateway.admin_port}"]
    async with await TcpConnection.open(gateway.tcp_port) as connection:
        await connection.send(t3_frame(1, t3_payload("echo")))
        await connection.receive_frame()
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=20
        )
        assert (done.returncode, done.stderr) == (0, "")
        head, row, total = done.stdout.splitlines()
        assert head.split()[:3] == ["PEER", "PROTOCOL", "WIRE"]
        mine = name_of(connection.writer.get_extra_info("socket"))
        assert row.split()[:5] == [mine, "tcp", "T3", "-", "echo"]
        assert total == "1 client"
        watch = subprocess.Popen([*command, "--watch"], stdout=subprocess.PIPE, text=True)
        try:
            shown = [await asyncio.to_thread(watch.stdout.readline) for _ in range(6)]
        finally:
            watch.terminate()
            watch.wait()
            watch.stdout.close()
        assert shown[0] == shown[3] == head + "\n" and shown[1].split()[0] == mine


SENT_TO_TCP = {"HTTP": HTTP, "TLS": TLS, "ZMTP": GREETING}


@pytest.mark.parametrize("what", SENT_TO_TCP)
async def test_another_protocol_on_the_tcp_port(gateway, what):
    async with await TcpConnection.open(gateway.tcp_port) as connection:
        mine = name_of(connection.writer.get_extra_info("socket"))
        await connection.send(SENT_TO_TCP[what])
        await connection.ended()
    await until(lambda: told(gateway, "malformed input"), PATIENCE_S, "a line")
    [line] = told(gateway, "malformed input")
    assert (line["level"], line["protocol"], line["peer"]) == ("warn", "tcp", mine)
    assert line["reason"] in ("other_protocol", "bad_length", "too_large"), line


@pytest.mark.parametrize("what", ("HTTP", "TLS"))
async def test_another_protocol_on_the_zeromq_port(gateway, what):
    async with await TcpConnection.open(gateway.zmq_port) as connection:
        mine = name_of(connection.writer.get_extra_info("socket"))
        # One that is quicker than the gateway's look at its address has the peer "gone".
        there = lambda: gateway.metrics().total("zerogate_connections", protocol="zmq") == 1
        await until(there, PATIENCE_S, "it is accepted")
        await connection.send(SENT_TO_TCP[what])
        await connection.ended()
    await until(lambda: told(gateway, "malformed input"), PATIENCE_S, "a line")
    [line] = told(gateway, "malformed input")
    assert (line["protocol"], line["reason"], line["peer"]) == ("zmq", "bad_handshake", mine)
    assert malformed(gateway, "zmq") == 1


async def test_a_frame_that_is_too_large(gateway):
    async with await TcpConnection.open(gateway.tcp_port) as connection:
        mine = name_of(connection.writer.get_extra_info("socket"))
        await connection.send(struct.pack(">IIB", 1 << 30, 1, 0))
        await connection.ended()
    await until(lambda: told(gateway, "malformed input"), PATIENCE_S, "a line")
    [line] = told(gateway, "malformed input")
    assert (line["reason"], line["peer"]) == ("too_large", mine)


async def test_an_argument_that_is_no_messagepack_over_zeromq(gateway):
    async with ZmqConnection(gateway.zmq_port) as connection:
        await connection.exchange(b"x" * 16 + b"save_order".ljust(80) + b"\xc1")
    await until(lambda: told(gateway, "malformed input"), PATIENCE_S, "a line")
    [line] = told(gateway, "malformed input")
    assert (line["protocol"], line["reason"]) == ("zmq", "bad_msgpack")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", line["peer"])


async def test_connections_over_the_limit(start_gateway, own_redis):
    environment = {"ZEROGATE_LIMITS_CONNECTIONS": "2"}
    gateway = start_gateway(own_redis.url(), ["--threads", "1"], environment)
    kept = [await TcpConnection.open(gateway.tcp_port) for _ in range(2)]
    refused = []
    for _ in range(LINES + 3):
        async with await TcpConnection.open(gateway.tcp_port) as connection:
            refused.append(name_of(connection.writer.get_extra_info("socket")))
            await connection.ended()
    await until(lambda: len(told(gateway, "connection rejected")) == LINES, PATIENCE_S, "lines")
    lines = told(gateway, "connection rejected")
    assert {line["reason"] for line in lines} == {"limit"}
    assert [line["peer"] for line in lines] == refused[:LINES]
    for connection in kept:
        connection.writer.transport.abort()
    gateway.stop()
    assert told(gateway, "connection rejected")[-1]["suppressed"] == "3"


def test_health_checks_that_say_nothing_are_no_alarm(gateway):
    """As load balancers make them: connect and close, or connect and reset."""
    for port, protocol in ((gateway.tcp_port, "tcp"), (gateway.zmq_port, "zmq")):
        for reset in (False, True):
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", port), timeout=20) as check:
                    if reset:
                        linger = struct.pack("ii", 1, 0)
                        check.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        def all_gone():
            metrics = gateway.metrics()
            accepted = metrics.total("zerogate_connections_accepted_total", protocol=protocol)
            return accepted == 6 and metrics.total("zerogate_connections", protocol=protocol) == 0

        wait_until(all_gone, PATIENCE_S, "they came and went")
        assert malformed(gateway, protocol) == 0
    assert not told(gateway, "malformed input") and not told(gateway, "connection rejected")


@pytest.mark.parametrize("kind", ("zmq_sync", "zmq_async"))
async def test_zeromq_clients_that_come_and_go_are_not_ill(gateway, clients, kind):
    for _ in range(5):
        client = clients.open(kind, gateway)
        await client.call("hello_world")
    await clients.close_all()
    gone = lambda: gateway.metrics().total("zerogate_connections", protocol="zmq") == 0
    await until(gone, PATIENCE_S, "they have gone")
    assert malformed(gateway, "zmq") == 0
