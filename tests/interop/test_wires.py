"""Clients of every wire that Zero ever had: the old releases that PyPI still has, each in an
environment of its own, and by bytes what no release speaks. Against functions served here, and
against a real Zero 1.0.1 server behind a bridge."""

import concurrent.futures
import json
import struct
import subprocess

import msgspec
import pytest

from gateway import Gateway
from old_releases import CLIENT, RELEASES, make_environment
from raw import (
    CONNECTED,
    NIL,
    TcpConnection,
    ZmqConnection,
    t1_frame,
    t3_frame,
    t3_payload,
)
from waiting import PATIENCE_S, wait_until
from zero_reference_server import ReferencePeer

pytestmark = pytest.mark.gateway

encode = msgspec.msgpack.encode
HELLO_RESULT = encode("hello world")
ORDER = {"user_id": "1", "items": ["apple", "python"]}
NOT_FOUND = "Function `nope` not found!"
HEX_ID = b"c06ba27f01bd4c07b661ec030d18a3e6"
REQUESTS = "zerogate_requests_total"
CLIENT_TIMEOUT_S = 90


def knows_server_exception(release):
    return release not in ("0.0.1", "0.3.2", "0.3.3", "0.3.51")


def knows_validation_error(release):
    return RELEASES[release] not in ("W1", "W2")


@pytest.fixture(scope="session", params=RELEASES)
def release(request):
    return request.param


@pytest.fixture(scope="session")
def python(release):
    return make_environment(release)


@pytest.fixture(scope="module")
def zero_server(redis):
    """The real Zero 1.0.1, on both protocols."""
    server = ReferencePeer(redis.url()).start()
    yield server
    server.close()


def start(request, redis, arguments=()):
    return Gateway(request.config.getoption("--zerogate"), redis.url(), arguments).start()


@pytest.fixture(scope="module")
def local(request, redis):
    """A gateway that serves the functions itself."""
    gateway = start(request, redis)
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def bridges(request, redis, zero_server):
    """Gateways that have the real server behind them, by the protocol that they speak to it."""
    ports = {"tcp": zero_server.tcp_port, "zmq": zero_server.zmq_port}
    gateways = {}
    for protocol, port in ports.items():
        arguments = ["--bridge", f"{protocol}://127.0.0.1:{port}"]
        gateways[protocol] = start(request, redis, arguments)
    yield gateways
    for gateway in gateways.values():
        gateway.close()


@pytest.fixture(params=["local", "bridge to tcp", "bridge to zmq"])
def target(request):
    if request.param == "local":
        gateway = request.getfixturevalue("local")
    else:
        gateway = request.getfixturevalue("bridges")[request.param[-3:]]
    yield gateway
    gateway.check()


def run_client(python, gateway, kind, calls):
    command = [python, CLIENT]
    command += [str(gateway.zmq_port), kind, json.dumps(calls)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    front = "call: "
    lines = [line[len(front) :] for line in done.stdout.splitlines() if line.startswith(front)]
    assert len(lines) == len(calls), done.stdout + done.stderr
    return [json.loads(line) for line in lines]


VALUES = [1, -1, 2.5, True, [1, "x", None], {"a": {"b": []}}, "text", "x" * 200, " " * 64, [0] * 50]


def run_clients(python, gateway, calls):
    """The answers of the synchronous and of the asynchronous client, which run side by side."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        kinds = ("sync", "async")
        return list(threads.map(lambda kind: run_client(python, gateway, kind, calls), kinds))


@pytest.mark.once
def test_a_client_of_each_release(release, python, target):
    calls = [["hello_world", None], ["save_order", ORDER], ["nope", None]]
    calls += [["echo", value] for value in VALUES]
    for hello, order, not_found, *echoes in run_clients(python, target, calls):
        assert hello == {"result": "hello world"}
        assert set(order["result"]) == {"order_id", "status", "items"}
        assert order["result"]["items"] == ORDER["items"]
        assert not_found == {"error": "MethodNotFoundException", "text": NOT_FOUND}
        assert echoes == [{"result": value} for value in VALUES]


@pytest.mark.once
def test_errors_as_each_release_knows_them(release, python, local):
    failure = {"__zerror__server_exception": "RuntimeError('boom')"}
    wrong = {"user_id": 1, "items": []}
    text = "Expected `str`, got `int` - at `$.user_id`"
    calls = [["echo", failure], ["save_order", wrong]]
    for failed, invalid in run_clients(python, local, calls):
        if knows_server_exception(release):
            validation = knows_validation_error(release)
            name = "ValidationException" if validation else "RemoteException"
            assert failed == {"error": "RemoteException", "text": "RuntimeError('boom')"}
            assert invalid == {"error": name, "text": text}
        else:  # the client hands every map but that of an unknown function to its caller
            assert failed == {"result": failure}
            keys = ("__zerror__validation_error", "__zerror__server_exception")
            assert invalid == {"result": dict.fromkeys(keys, text)}


@pytest.mark.once
def test_the_wire_of_each_release_is_counted(release, python, local):
    def counted():
        found = local.metrics().select(REQUESTS, function="echo")
        return {labels["wire"]: value for labels, value in found if labels["outcome"] == "ok"}

    before = counted()
    run_client(python, local, "sync", [["echo", 1], ["echo", 2]])
    expected = {**before, RELEASES[release]: before[RELEASES[release]] + 2}
    wait_until(lambda: counted() == expected, PATIENCE_S, f"two more calls of {RELEASES[release]}")


# By bytes: what each wire sends and gets, without its client.

NOT_FOUND_MAP = {"__zerror__function_not_found": NOT_FOUND}
NOT_FOUND_OLD = {**NOT_FOUND_MAP, "__zerror__method_not_found": NOT_FOUND}
VALUE = encode([1, "x"])


def w2(function, argument):
    return b"\x93\xd9\x20" + HEX_ID + encode(function) + argument


def zmq_messages():
    """Name, frames of the request, frame of the reply."""
    two = b"\x92\xd9\x20" + HEX_ID
    yield "W1 hello", [b"hello_world", b"\xa0"], HELLO_RESULT
    yield "W1 hello, nil", [b"hello_world", NIL], HELLO_RESULT
    yield "W1 echo", [b"echo", VALUE], VALUE
    yield "W1 nope", [b"nope", b"\xa0"], encode(NOT_FOUND_OLD)
    yield "W2 connect", [w2("connect", b"\xa0")], two + CONNECTED
    yield "W2 hello", [w2("hello_world", b"\xa0")], two + HELLO_RESULT
    yield "W2 echo", [w2("echo", VALUE)], two + VALUE
    yield "W2 nope", [w2("nope", b"\xa0")], two + encode(NOT_FOUND_OLD)
    yield "W3 or W4 connect", [HEX_ID + b"connect"], HEX_ID + CONNECTED
    padded = (("W3", 120, HEX_ID), ("W4", 80, HEX_ID), ("W5", 80, HEX_ID[:16]))
    for wire, width, request_id in padded:
        yield f"{wire} hello", [request_id + b"hello_world".ljust(width)], request_id + HELLO_RESULT
        yield f"{wire} echo", [request_id + b"echo".ljust(width) + VALUE], request_id + VALUE
        nope = [request_id + b"nope".ljust(width)]
        yield f"{wire} nope", nope, request_id + encode(NOT_FOUND_MAP)
        spaces = encode(" " * 64)  # as a name's padding looks
        yield f"{wire} spaces", [request_id + b"echo".ljust(width) + spaces], request_id + spaces


ZMQ_MESSAGES = {name: (frames, reply) for name, frames, reply in zmq_messages()}


@pytest.mark.parametrize("name", ZMQ_MESSAGES)
async def test_zmq_by_bytes(peer, name):
    frames, reply = ZMQ_MESSAGES[name]
    async with ZmqConnection(peer.zmq_port) as connection:
        assert await connection.exchange(*frames) == [reply]


async def test_zmq_wires_mixed_on_one_connection(peer):
    async with ZmqConnection(peer.zmq_port) as connection:
        for name, (frames, reply) in ZMQ_MESSAGES.items():
            assert await connection.exchange(*frames) == [reply], name


async def test_zmq_malformed_arguments_are_answered_on_each_wire(peer):
    async with ZmqConnection(peer.zmq_port) as connection:
        for front, prefix in (
            ([b"echo"], b""),
            ([w2("echo", b"")], b"\x92\xd9\x20" + HEX_ID),
            ([HEX_ID + b"echo".ljust(120)], HEX_ID),
            ([HEX_ID + b"echo".ljust(80)], HEX_ID),
        ):
            # W1 has its argument in a frame of its own.
            frames = [*front, b"\xc1"] if prefix == b"" else [front[0] + b"\xc1"]
            [reply] = await connection.exchange(*frames)
            assert reply.startswith(prefix)
            error = msgspec.msgpack.decode(reply[len(prefix) :])
            assert list(error) == ["__zerror__server_exception"]


def t2_frame(request_id, payload):
    return struct.pack(">II", 4 + len(payload), request_id) + payload


REQUEST_ID = 0x82A2666E  # the worst of ids: the bytes with which a request begins


def tcp_frames():
    """Name, request, reply."""
    for function, argument, result in (("hello_world", NIL, HELLO_RESULT), ("echo", VALUE, VALUE)):
        request, data = t3_payload(function, argument), b"\x81\xa4data" + result
        yield f"T1 {function}", t1_frame(request), t1_frame(data)
        yield f"T2 {function}", t2_frame(REQUEST_ID, request), t2_frame(REQUEST_ID, data)
        yield f"T3 {function}", t3_frame(REQUEST_ID, request), t3_frame(REQUEST_ID, result)
    nope, error = t3_payload("nope"), encode(NOT_FOUND_MAP)
    yield "T1 nope", t1_frame(nope), t1_frame(error)
    yield "T2 nope", t2_frame(REQUEST_ID, nope), t2_frame(REQUEST_ID, error)
    yield "T3 nope", t3_frame(REQUEST_ID, nope), t3_frame(REQUEST_ID, error, 1)


TCP_FRAMES = {name: (request, reply) for name, request, reply in tcp_frames()}


@pytest.mark.parametrize("name", TCP_FRAMES)
async def test_tcp_by_bytes(peer, name):
    request, reply = TCP_FRAMES[name]
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(request)
        assert await connection.receive_frame() == reply
        await connection.send(request[:7])  # in two pieces
        await connection.send(request[7:])
        assert await connection.receive_frame() == reply


async def test_tcp_wires_mixed_on_one_connection(peer):
    requests = b"".join(request for request, _ in TCP_FRAMES.values())
    replies = b"".join(reply for _, reply in TCP_FRAMES.values())
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(requests)
        assert await connection.receive(len(replies)) == replies


async def test_every_wire_reaches_a_bridged_function(target):
    for frames, reply in ZMQ_MESSAGES.values():
        async with ZmqConnection(target.zmq_port) as connection:
            assert await connection.exchange(*frames) == [reply]
    for request, reply in TCP_FRAMES.values():
        async with await TcpConnection.open(target.tcp_port) as connection:
            await connection.send(request)
            assert await connection.receive_frame() == reply
