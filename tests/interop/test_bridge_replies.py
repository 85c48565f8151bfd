"""One call's trouble stays that call's: replies that nobody can use, beside calls that are well;
and who counts as a server at all."""

import asyncio
import functools
import socket

import msgspec
import pytest
from zero.error import RemoteException

from bridging import all_up, fails, in_flight, one_backend
from raw import (
    CONNECTED,
    HEADER,
    NIL,
    TcpConnection,
    ZmqConnection,
    t3_frame,
    t3_payload,
    w5_request,
)
from scripted_backend import SCRIPTED, ScriptedTcp, ScriptedZmq, echo, silent
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

LIMIT = 256 << 10
BYSTANDERS = 7


def deep(levels):
    return b"\x91" * levels + NIL


BAD = {
    "too large": (
        msgspec.msgpack.encode(b"x" * (LIMIT + 1000)),
        f"backend 'b' sent a reply of {LIMIT + 1005} bytes, limit {LIMIT} .limits.message."),
    "far too large": (
        msgspec.msgpack.encode(b"x" * (3 * LIMIT)), f"bytes, limit {LIMIT} .limits.message."),
    "too deep": (deep(1025), "nested deeper than 1024 levels"),
    "cut off": (b"\x92\x01", "a reply of 2 bytes that is not one MessagePack value"),
    "JSON": (b'{"a": 1}', "a reply of 8 bytes that is not one MessagePack value"),
}


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
@pytest.mark.parametrize("name", BAD)
async def test_bad_reply_costs_its_own_call(name, protocol, start_bridge, clients):
    payload, text = BAD[name]
    released = asyncio.Event()

    async def held(call):
        await released.wait()
        call.reply(call.data)

    script = {"bad": lambda call: call.reply(payload), "held": held}
    async with SCRIPTED[protocol](script) as backend:
        config = one_backend(backend.url, connections=1, in_flight=BYSTANDERS + 1)
        gateway = await start_bridge(config={**config, "limits": {"message": LIMIT}})
        client = clients.open("tcp", gateway, parallel=BYSTANDERS + 1)
        bystanders = [asyncio.create_task(client.call("held", i)) for i in range(BYSTANDERS)]
        await until(lambda: backend.count("held") == BYSTANDERS, PATIENCE_S, "they are under way")
        for _ in range(3):
            await fails(client.call("bad"), SLACK_S, text)
        released.set()
        assert await asyncio.gather(*bystanders) == list(range(BYSTANDERS))
        assert await client.call("f", 1) == 1
        if protocol == "tcp":
            assert backend.accepted == 1, "it is still the first connection"
        assert backend.count("held") == BYSTANDERS and backend.count("bad") == 3


async def test_slow_large_reply_does_not_end_the_connection(start_bridge, clients):
    """Over ZeroMQ, where libzmq takes only whole messages for a sign of life: 9 s of bytes are one
    to the callers who wait beside it."""
    size, rate, step_s = 9 << 20, 1 << 20, 0.05
    value = msgspec.msgpack.encode(b"x" * size)

    async def slowly(reader, writer):
        try:
            while data := await reader.read(int(rate * step_s)):
                writer.write(data)
                await asyncio.gather(writer.drain(), asyncio.sleep(len(data) / rate))
        except ConnectionError:
            pass

    async def relay(reader, writer):
        onward = await asyncio.open_connection("127.0.0.1", backend.port, limit=1 << 16)
        await asyncio.gather(slowly(reader, onward[1]), slowly(onward[0], writer))

    released = asyncio.Event()

    async def held(call):
        await released.wait()
        call.reply(call.data)

    async with ScriptedZmq({"big": lambda call: call.reply(value), "held": held}) as backend:
        proxy = await asyncio.start_server(relay, "127.0.0.1", 0, limit=1 << 16)
        url = f"zmq://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        gateway = await start_bridge(config=one_backend(url, timeout="30s"))
        client = clients.open("zmq_async", gateway, timeout_ms=30_000)
        bystanders = [asyncio.create_task(client.call("held", i)) for i in range(20)]
        await until(lambda: backend.count("held") == 20, PATIENCE_S, "they are under way")
        assert len(await client.call("big")) == size
        released.set()
        assert await asyncio.gather(*bystanders) == list(range(20))
        proxy.close()


async def test_request_that_the_kernel_has_taken_is_not_sent_again(start_bridge):
    """It lies behind a large one whose write is not done, and has left all the same."""
    large = msgspec.msgpack.encode(b"x" * (12 << 20))
    executed, read_on, break_now = [], asyncio.Event(), asyncio.Event()

    async def serve(name, reader, writer):
        try:
            while True:
                length, request_id, _ = HEADER.unpack(await reader.readexactly(HEADER.size))
                if length > 1 << 20:
                    await read_on.wait()
                payload = await reader.readexactly(length - 5)
                request = msgspec.msgpack.decode(payload, type=dict[str, msgspec.Raw])
                function = msgspec.msgpack.decode(request["fn"])
                if function == "connect":
                    writer.write(t3_frame(request_id, CONNECTED))
                    continue
                executed.append((name, function))
                if name == "first" and function == "transfer":
                    await break_now.wait()  # executed; the next request lies half in the pipe
                    return writer.transport.abort()
                if name == "second":
                    writer.write(t3_frame(request_id, NIL))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    bound = [socket.socket(), socket.socket()]
    for each in bound:
        each.bind(("127.0.0.1", 0))
    urls = [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in bound]
    start = lambda name, on: asyncio.start_server(functools.partial(serve, name), sock=on,
                                                  limit=1 << 16)
    first = await start("first", bound[0])  # nobody listens at the other one yet
    config = one_backend(*urls, connections=1, in_flight=16, timeout="20s")
    gateway = await start_bridge(config=config)
    frames = [t3_frame(i, t3_payload(name, data)) for i, (name, data) in enumerate(
        [("big", large), ("big", large), ("transfer", NIL), ("big", large)])]
    async with await TcpConnection.open(gateway.tcp_port) as client:
        await client.send(frames[0])
        await until(in_flight(gateway, 1), PATIENCE_S, "the first is being written")
        await client.send(b"".join(frames[1:]))
        await until(in_flight(gateway, 4), PATIENCE_S, "the others lie behind it")
        read_on.set()
        await until(lambda: ("first", "transfer") in executed, PATIENCE_S, "it has arrived")
        second = await start("second", bound[1])
        await until(all_up(gateway, 2), PATIENCE_S, "there is another endpoint to try")
        break_now.set()
        for _ in frames:
            assert b"failed under the call" in await client.receive_frame()
    assert executed == [("first", "big"), ("first", "big"), ("first", "transfer")]
    assert gateway.metrics().total("zerogate_backend_retries_total") == 0
    first.close()
    second.close()


async def test_as_many_in_flight_as_can_be_configured(start_bridge):
    most = 4096
    async with ScriptedTcp({"never": silent}) as backend:
        config = one_backend(backend.url, connections=1, in_flight=most, timeout="30s")
        gateway = await start_bridge(config=config)
        connections = [await TcpConnection.open(gateway.tcp_port) for _ in range(4)]
        frames = [t3_frame(i, t3_payload("never")) for i in range(most // 4)]
        for connection in connections:
            await connection.send(b"".join(frames))
        await until(lambda: backend.count("never") == most, PATIENCE_S, "all places are taken")
        gateway.check()
        for connection in connections:
            connection.writer.transport.abort()


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
@pytest.mark.parametrize("levels", [300, 900])
async def test_depth_that_zero_takes(levels, protocol, kind, start_bridge, clients):
    value = []
    for _ in range(levels - 1):
        value = [value]
    async with SCRIPTED[protocol]() as backend:
        gateway = await start_bridge(backend.url)
        client = clients.open(kind, gateway)
        result = await client.call("f", value)
        depth = 0
        while result is not None and isinstance(result, list):
            result, depth = (result[0] if result else None), depth + 1
        assert depth == levels


ID = b"0123456789abcdef"


async def test_other_encoders_pass_between_zeromq_sides(start_bridge):
    """Client and server may have an encoder of their own: then bytes go through as they are."""
    async with ScriptedZmq({"answer": lambda call: call.reply(b'{"an": "answer"}')}) as backend:
        gateway = await start_bridge(backend.url)
        async with ZmqConnection(gateway.zmq_port) as dealer:
            for function, argument, result in [
                ("f", b'{"order": [1, 2]}', b'{"order": [1, 2]}'),
                ("f", b"null", b"null"),
                ("f", deep(5000), deep(5000)),
                ("answer", b"", b'{"an": "answer"}'),
            ]:
                reply = await dealer.exchange(w5_request(ID, function, argument))
                assert reply == [ID + result]


async def test_other_encoders_do_not_pass_to_tcp(start_bridge):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(backend.url)
        async with ZmqConnection(gateway.zmq_port) as dealer:
            [reply] = await dealer.exchange(w5_request(ID, "f", b'{"order": 1}'))
            assert b"server cannot process message" in reply
        assert not backend.received


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
@pytest.mark.parametrize(
    "answer, reason",
    [
        (echo, "with something else"),
        (lambda call: call.reply(msgspec.msgpack.encode("hello")), "with something else"),
        (lambda call: call.reply(msgspec.msgpack.encode({"__zerror__server_exception": "no"})),
         "with an error"),
    ],
)
async def test_only_zeros_answer_to_connect_counts(answer, reason, protocol, start_bridge, clients):
    async with SCRIPTED[protocol]({"connect": answer}) as backend:
        gateway = await start_bridge(backend.url)
        client = clients.open("tcp", gateway)
        await fails(client.call("f"), SLACK_S, f"unavailable: it answers `connect` {reason}")
        assert not backend.received
        assert gateway.metrics().total("zerogate_backend_up") == 0


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
async def test_gateway_that_is_its_own_backend(protocol, start_bridge, clients):
    """As by a name, or a proxy, that leads back to it."""
    target = []

    async def pipe(reader, writer):
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def relay(reader, writer):
        onward = await asyncio.open_connection("127.0.0.1", target[0])
        await asyncio.gather(pipe(reader, onward[1]), pipe(onward[0], writer))

    async with ScriptedTcp() as elsewhere:  # until the gateway's own port is known
        proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
        target.append(elsewhere.port)
        url = f"{protocol}://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        gateway = await start_bridge(config=one_backend(url, connect_timeout="500ms"))
        target[0] = {"tcp": gateway.tcp_port, "zmq": gateway.zmq_port}[protocol]
        client = clients.open("tcp", gateway)
    itself = "unavailable: this is the gateway itself"

    async def says_so():
        with pytest.raises(RemoteException) as error:
            await client.call("f")
        return itself in str(error.value)

    while not await asyncio.wait_for(says_so(), 5):
        await asyncio.sleep(0.02)
    assert gateway.metrics().total("zerogate_backend_up") == 0
    proxy.close()
