"""Backends that lie, stall, close and forget: every call is answered, in time, by an answer of its
own, and counted once."""

import asyncio
import os
import time

import msgspec
import pytest
from zero.error import RemoteException

from bridge_load import connects
from bridging import (
    ATTEMPTS,
    REQUESTS,
    RETURN_S,
    all_up,
    calls_until_answered,
    fails,
    in_flight,
    one_backend,
    outcome,
)
from clients import KINDS
from raw import t3_frame
from scripted_backend import SCRIPTED, ScriptedTcp, ScriptedZmq, silent
from test_redis_faults import check_sum
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

MIB = 1 << 20


@pytest.fixture(params=["tcp", "zmq"])
def scripted(request):
    return SCRIPTED[request.param]


def one_backend_that_is_late(url, function, in_flight):
    """With one connection. Only that function's calls have little time."""
    config = one_backend(url, connections=1, in_flight=in_flight)
    config["routes"].insert(0, {"functions": [function], "backend": "b", "timeout": "300ms"})
    return config


async def test_late_answers_reach_nobody(kind, scripted, start_bridge, clients):
    """Answers to calls that have timed out come while others wait, on the only connection."""
    released = asyncio.Event()

    async def late(call):
        await released.wait()
        call.reply(msgspec.msgpack.encode("late"))

    async with scripted({"late": late}) as backend:
        config = one_backend_that_is_late(backend.url, "late", in_flight=8)
        gateway = await start_bridge(config=config)
        client = clients.open(kind, gateway, parallel=4)
        late_calls = [asyncio.create_task(client.call("late", i)) for i in range(4)]
        for call in late_calls:
            await fails(call, 0.3 + SLACK_S)
        # libzmq may have sent the answer a moment before its call is counted.
        await until(lambda: outcome(gateway, "timeout") == 4, PATIENCE_S, "four time-outs are counted")
        released.set()
        for number in range(50):
            assert await client.call("f", number) == number
        assert backend.count("late") == 4
        check_sum(gateway, 54 + connects([client]))
        assert gateway.metrics().total(ATTEMPTS, outcome="timeout") == 4
        assert gateway.metrics().total(ATTEMPTS, outcome="ok") == 50


async def test_late_answer_frees_the_connection(scripted, start_bridge, clients):
    """One request at a time. Over TCP the connection whose call was given up is replaced; over ZeroMQ
    the server is busy with it until the late answer has come."""
    released = asyncio.Event()

    async def late(call):
        await released.wait()
        call.reply(msgspec.msgpack.encode("late"))

    async with scripted({"late": late}) as backend:
        config = one_backend_that_is_late(backend.url, "late", in_flight=1)
        gateway = await start_bridge(config=config)
        client = clients.open("zmq_async", gateway)
        await fails(client.call("late"), 0.3 + SLACK_S)
        waiting = [asyncio.create_task(client.call("f", i)) for i in range(10)]
        if backend.url.startswith("zmq"):
            await until(in_flight(gateway, 10), PATIENCE_S, "ten calls wait")
            released.set()
        assert await asyncio.gather(*waiting) == list(range(10))
        check_sum(gateway, 11 + connects([client]))


async def test_request_that_is_never_answered_does_not_block_its_connection_for_good(
    scripted, start_bridge, clients
):
    async with scripted({"never": silent}) as backend:
        options = {"connections": 1, "in_flight": 1, "timeout": "300ms"}
        gateway = await start_bridge(config=one_backend(backend.url, **options))
        client = clients.open("zmq_async", gateway)
        await fails(client.call("never"), 0.3 + SLACK_S)
        calls = await calls_until_answered(client, "f")
        check_sum(gateway, 1 + calls + connects([client]))


async def test_request_that_is_never_answered_harms_no_other(scripted, start_bridge, clients):
    """With the default limits, and for much longer than the time limit."""
    async with scripted({"never": silent}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, timeout="1s"))
        client = clients.open("zmq_async", gateway)
        assert await client.call("f", 0) == 0
        await fails(client.call("never"), 1 + SLACK_S)
        calls, end = 0, time.monotonic() + 4

        async def call_all_the_time():
            nonlocal calls
            while time.monotonic() < end:
                calls += 1
                assert await client.call("f", calls) > 0

        await asyncio.gather(*(call_all_the_time() for _ in range(8)))
        check_sum(gateway, 2 + calls + connects([client]))
        assert outcome(gateway, "ok") == 1 + calls + connects([client])


async def test_answers_that_come_twice(kind, scripted, start_bridge, clients):
    def twice(call):
        call.reply(call.data)
        call.reply(call.data)

    async with scripted({"twice": twice}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, connections=1, in_flight=8))
        client = clients.open(kind, gateway, parallel=4)
        for number in range(50):
            assert await client.call("twice", number) == number
        results = await asyncio.gather(*(client.call("twice", i) for i in range(50)))
        assert results == list(range(50))
        check_sum(gateway, 100 + connects([client]))
        assert gateway.metrics().total(ATTEMPTS) == 100


async def test_answers_with_an_unknown_id(kind, scripted, start_bridge, clients):
    def stranger_first(call):
        strangers = [0, 1, 0xFFFFFFFF] if scripted is ScriptedTcp else [bytes(16), os.urandom(16)]
        for stranger in strangers:
            if stranger != call.request_id:
                call.reply(msgspec.msgpack.encode("stranger"), request_id=stranger)
        call.reply(call.data)

    def stranger_only(call):
        stranger = 0x00FFFFFF if scripted is ScriptedTcp else os.urandom(16)
        call.reply(msgspec.msgpack.encode("stranger"), request_id=stranger)

    script = {"first": stranger_first, "only": stranger_only}
    async with scripted(script) as backend:
        config = one_backend_that_is_late(backend.url, "only", in_flight=8)
        gateway = await start_bridge(config=config)
        client = clients.open(kind, gateway)
        for number in range(20):
            assert await client.call("first", number) == number
        await fails(client.call("only"), 0.3 + SLACK_S)
        assert await client.call("f", 5) == 5
        check_sum(gateway, 22 + connects([client]))


# What is sent instead of an answer; the call must fail long before its time limit.
TCP_GARBAGE = {
    "a huge length": lambda call: call.send(b"\xff\xff\xff\xfe" + bytes(20)),
    "length 0": lambda call: call.send(bytes(4)),
    "length 4": lambda call: call.send(b"\0\0\0\4" + bytes(4)),
    "text": lambda call: call.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "no payload": lambda call: call.reply(b""),
    "not MessagePack": lambda call: call.reply(b"\xc1"),
    "a cut-off value": lambda call: call.reply(b"\x92\x01"),
    "two values": lambda call: call.reply(b"\x01\x02"),
    "larger than any memory": lambda call: call.reply(b"\xdd\xff\xff\xff\xff"),
    "half a frame, then the end": lambda call: cut_off(call, 15),
    "half a header, then the end": lambda call: cut_off(call, 6),
    "the end": lambda call: call.close(),
}
ZMQ_GARBAGE = {
    "not MessagePack": lambda call: call.reply(b"\xc1"),
    "a cut-off value": lambda call: call.reply(b"\x92\x01"),
    "two values": lambda call: call.reply(b"\x01\x02"),
    "larger than any memory": lambda call: call.reply(b"\xdd\xff\xff\xff\xff"),
}
# What stands for no call, before a good answer. The first one is what a gateway sends to keep its
# clients alive: a gateway may be the backend of another.
ZMQ_NOISE = {
    "nobody's id": [bytes(16)],
    "an empty frame": [b""],
    "half an id": [bytes(8)],
    "three frames": [b"a", b"b", b"c"],
    "much": [bytes(16) + b"\xc6\0\x10\0\0" + bytes(MIB)],
}


def cut_off(call, size):
    call.send(t3_frame(call.request_id, b"\xaa" + b"x" * 10)[:size])
    call.close()


async def garbage_is_an_error(backend, start_bridge, clients, kinds=("tcp", "zmq_async")):
    gateway = await start_bridge(config=one_backend(backend.url, connections=1, timeout="10s"))
    opened = [clients.open(kind, gateway, parallel=1) for kind in kinds]
    for client in opened:
        await fails(client.call("garbage"), SLACK_S)
        await calls_until_answered(client, "f")
    metrics = gateway.metrics()
    assert backend.count("garbage") == 2, "a call that was sent is not sent again"
    assert metrics.total(ATTEMPTS) - metrics.total(ATTEMPTS, outcome="ok") >= 2
    begun = metrics.total(REQUESTS)
    assert metrics.total(REQUESTS, outcome="ok") == 2 + connects(opened)
    for client in opened:
        assert await client.call("f", "x") == "x"
    check_sum(gateway, begun + 2)


@pytest.mark.parametrize("name", TCP_GARBAGE)
async def test_garbage_over_tcp(name, start_bridge, clients):
    async with ScriptedTcp({"garbage": TCP_GARBAGE[name]}) as backend:
        await garbage_is_an_error(backend, start_bridge, clients)


@pytest.mark.parametrize("name", ZMQ_GARBAGE)
async def test_garbage_over_zmq(name, start_bridge, clients):
    async with ScriptedZmq({"garbage": ZMQ_GARBAGE[name]}) as backend:
        # Between two ZeroMQ sides it is none of the gateway's business.
        await garbage_is_an_error(backend, start_bridge, clients, kinds=("tcp", "tcp"))


async def test_noise_over_zmq(start_bridge, clients):
    def noisy(call):
        call.send(ZMQ_NOISE[msgspec.msgpack.decode(call.data)])
        call.reply(call.data)

    async with ScriptedZmq({"noisy": noisy}) as backend:
        gateway = await start_bridge(backend.url)
        client = clients.open("tcp", gateway)
        for name in [*ZMQ_NOISE, *ZMQ_NOISE]:
            assert await client.call("noisy", name, timeout=3_000) == name
        check_sum(gateway, 2 * len(ZMQ_NOISE))


async def test_answer_in_single_bytes(start_bridge, clients):
    async def dribble(call):
        for byte in t3_frame(call.request_id, call.data):
            call.send(bytes([byte]))
            await asyncio.sleep(0)

    async with ScriptedTcp({"f": dribble}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, connections=2))
        client = clients.open("zmq_async", gateway)
        results = await asyncio.gather(*(client.call("f", [i] * 50) for i in range(20)))
        assert results == [[i] * 50 for i in range(20)]


async def test_closed_under_a_request_is_tried_again_only_when_allowed(start_bridge, clients):
    """Nobody knows whether the request was served: only functions said to be idempotent go to
    another endpoint."""
    closing = {"get": lambda call: call.close(), "set": lambda call: call.close()}
    async with ScriptedTcp(closing) as bad, ScriptedTcp() as good:
        # Left alone, the endpoint would be set aside after a few failures.
        options = {"connections": 4, "idempotent": ["get"], "eject_after": 1_000}
        gateway = await start_bridge(config=one_backend(bad.url, good.url, **options))
        await until(all_up(gateway, 2), PATIENCE_S, "both are up")
        client = clients.open("zmq_async", gateway)
        failed = calls = 0
        while bad.count("set") < 5:
            calls += 1
            assert calls < 500, "the endpoint that closes gets no calls"
            try:
                assert await client.call("set", calls) == calls
            except RemoteException:
                failed += 1
            await asyncio.sleep(0.002)
        assert failed == bad.count("set")
        assert bad.count("set") + good.count("set") == calls, "none was sent twice"

        gets = 0
        while bad.count("get") < 3:
            gets += 1
            assert gets < 500, "the endpoint that closes gets no calls"
            assert await client.call("get", gets) == gets
            await asyncio.sleep(0.02)  # within the retry budget
        assert bad.count("get") + good.count("get") == gets + bad.count("get")
        check_sum(gateway, calls + gets + connects([client]))


async def test_endpoint_that_answers_connect_and_nothing_else(kind, start_bridge, clients):
    """It looks healthy and is not: after some failures it is set aside."""
    async with ScriptedTcp({"f": silent}) as mute, ScriptedTcp() as good:
        options = {"timeout": "500ms", "eject_after": 3}
        gateway = await start_bridge(config=one_backend(mute.url, good.url, **options))
        await until(all_up(gateway, 2), PATIENCE_S, "both are up")
        client = clients.open(kind, gateway, parallel=8)
        failed = 0
        for _ in range(20):
            calls = (client.call("f", i) for i in range(8))
            results = await asyncio.gather(*calls, return_exceptions=True)
            failed += sum(isinstance(result, RemoteException) for result in results)
            assert {r for r in results if not isinstance(r, RemoteException)} <= set(range(8))
        assert 0 < failed <= 16, "of 160"
        check_sum(gateway, 160 + connects([client]))


async def test_endpoint_that_does_not_answer_connect(kind, start_bridge, clients):
    """A stopped process' kernel accepts connections: that is not being up."""
    async with ScriptedTcp({"connect": silent}) as mute, ScriptedTcp() as good:
        options = {"connect_timeout": "300ms", "connections": 2}
        gateway = await start_bridge(config=one_backend(mute.url, good.url, **options))
        client = clients.open(kind, gateway)
        await until(all_up(gateway, 1), PATIENCE_S, "one is up")
        for number in range(50):
            assert await client.call("f", number) == number
        assert mute.received == []
        check_sum(gateway, 50 + connects([client]))


async def test_only_endpoint_does_not_answer_connect(scripted, start_bridge, clients):
    async with scripted({"connect": silent}) as backend:
        options = {"connect_timeout": "300ms", "connections": 2}
        gateway = await start_bridge(config=one_backend(backend.url, **options))
        for kind in KINDS:
            client = clients.open(kind, gateway)
            await fails(client.call("f"), SLACK_S, "^backend 'b' unavailable: ")
        assert backend.received == []
        assert outcome(gateway, "unavailable") == 3


async def test_connections_closed_while_idle(kind, start_bridge, clients):
    """As when the backend was restarted between two calls: the next call finds a fresh one."""
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config=one_backend(backend.url, connections=4))
        client = clients.open(kind, gateway)
        for round_number in range(3):
            assert await client.call("f", round_number) == round_number
            accepted = backend.accepted
            for connection in list(backend.connections):
                connection.close()
            back = lambda: backend.accepted == accepted + 4
            await until(back, RETURN_S, "the gateway has connected again")
            connected = lambda: gateway.metrics().total("zerogate_backend_connections") == 4
            await until(connected, RETURN_S, "and the connections are up")
        check_sum(gateway, 3 + connects([client]))
