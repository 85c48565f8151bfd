"""In 64 MiB, under peers of every kind that once had the kernel kill it: honest clients are all
answered, some later, and the others wait or go, with a counted reason."""

import asyncio
import contextlib
import math
import os
import random
import re
import signal
import socket
import ssl
import types

import msgspec
import pytest
import zmq
from zero.error import RemoteException

from authority import Authority
from bridging import one_backend
from raw import (
    GREETING,
    ID_BYTES,
    NOTHING,
    READY,
    ZmqConnection,
    t1_frame,
    t3_frame,
    t3_payload,
    w5_request,
)
from scripted_backend import ScriptedTcp, ScriptedZmq
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

MIB = 1 << 20
LIMIT = 64 * MIB  # limits.message is a sixteenth of it
ENVIRONMENT = {"ZEROGATE_LIMITS_MEMORY": "64MiB"}
LONG = msgspec.msgpack.encode(b"x" * 3_900_000)
HELLO = t3_frame(1, msgspec.msgpack.encode("hello world"))
PIECE = 64 << 10


@pytest.fixture(name="small_gateway")
def small_gateway_fixture(start_gateway, redis):
    gateway = start_gateway(redis.url(), environment=ENVIRONMENT)
    yield gateway
    assert within_limit(gateway)


@pytest.fixture(name="tls_gateway")
def tls_gateway_fixture(start_gateway, redis, tmp_path):
    authority = Authority(tmp_path)
    crt, key = authority.issue("gateway", "DNS:localhost,IP:127.0.0.1")
    tls = {"LISTEN_TLS": "127.0.0.1:0", "TLS_CERT": crt, "TLS_KEY": key, "TLS_CLIENTS": "none"}
    environment = {**ENVIRONMENT, **{"ZEROGATE_" + name: value for name, value in tls.items()}}
    gateway = start_gateway(redis.url(), [], environment)
    port = int(re.search(r"protocol=tls address=127.0.0.1:(\d+)", "".join(gateway.lines))[1])
    context = ssl.create_default_context(cafile=authority.crt)
    context.check_hostname = False
    yield types.SimpleNamespace(gateway=gateway, port=port, context=context, ca=authority.crt)
    assert within_limit(gateway)


def within_limit(gateway):
    """Of a build with sanitizers the account is tested, not the memory."""
    return gateway.is_sanitized() or most_memory(gateway) < LIMIT


def most_memory(gateway):
    """The most that was resident at any time, in bytes."""
    with open(f"/proc/{gateway.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024


def rejected(gateway, protocol, reason):
    name = "zerogate_connections_rejected_total"
    return gateway.metrics().total(name, protocol=protocol, reason=reason)


async def served(gateway, clients):
    client = clients.open("zmq_async", gateway)
    assert await client.call("hello_world") == "hello world"


async def ask_for_long_reply(port, function="long"):
    """The bytes that came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(t3_frame(1, t3_payload(function)))
    frame = await reader.readexactly(9 + len(LONG))
    writer.close()
    return frame[9:]


def together(calls):
    """Answers when so many calls wait, and all of them at once."""
    waiting = []

    def answer(call):
        waiting.append(call)
        if len(waiting) == calls:
            for each in waiting:
                each.reply(LONG)

    return answer


@pytest.mark.parametrize("clients_at_once", [16, 24])
async def test_long_replies_that_come_in_pieces_together(clients_at_once, start_bridge):
    async def in_pieces(call):
        frame = t3_frame(call.request_id, LONG)
        for at in range(0, len(frame), PIECE):
            call.send(frame[at : at + PIECE])
            await asyncio.sleep(0.002)

    async with ScriptedTcp({"long": in_pieces}) as backend:
        config = one_backend(backend.url, timeout=f"{PATIENCE_S}s")
        gateway = await start_bridge(config=config, environment=ENVIRONMENT)
        asked = (ask_for_long_reply(gateway.tcp_port) for _ in range(clients_at_once))
        assert all(reply == LONG for reply in await asyncio.gather(*asked))
        assert gateway.metrics().total("zerogate_memory_budget_bytes", use="backend_replies") == 0
        assert within_limit(gateway)


@pytest.mark.parametrize("short_ones_before", [0, 300])
async def test_long_replies_of_a_zmq_backend_together(short_ones_before, start_bridge):
    async with ScriptedZmq({"long": together(48)}) as backend:
        config = one_backend(backend.url, timeout=f"{PATIENCE_S}s")
        gateway = await start_bridge(config=config, environment=ENVIRONMENT)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.tcp_port)
        writer.write(b"".join(t3_frame(i, t3_payload("echo")) for i in range(short_ones_before)))
        await reader.readexactly(short_ones_before * len(t3_frame(0, b"\x01")))
        writer.close()
        asked = (ask_for_long_reply(gateway.tcp_port) for _ in range(48))
        assert all(reply == LONG for reply in await asyncio.gather(*asked))
        claimed = lambda: gateway.metrics().total("zerogate_memory_budget_bytes", use="backend_replies")
        await until(lambda: claimed() == 0, PATIENCE_S, "no reply is waited for with memory claimed")
        assert within_limit(gateway)


async def test_no_reply_of_a_zmq_backend_is_lost_when_their_sizes_change(start_bridge, clients):
    chance = random.Random(1)
    sizes = [size for size in chance.choices([1, 500, 3_000, 300_000], k=60) for _ in range(25)]

    def fill(call):
        call.reply(msgspec.msgpack.encode(b"x" * msgspec.msgpack.decode(call.data)))

    async with ScriptedZmq({"fill": fill}) as backend:
        config = one_backend(backend.url, timeout=f"{PATIENCE_S}s")
        gateway = await start_bridge(config=config, environment=ENVIRONMENT)
        client = clients.open("tcp", gateway, parallel=32)
        for at in range(0, len(sizes), 100):
            some = sizes[at : at + 100]
            replies = await asyncio.gather(*(client.call("fill", size, timeout=30_000) for size in some))
            assert [len(reply) for reply in replies] == some
        assert within_limit(gateway)


async def begin_longest_message(port, body):
    """A short call, and what has come of the longest message by the time that it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    size = LIMIT // 16
    longest = t3_frame(2, t3_payload("echo", b"\xc6" + (size - 100).to_bytes(4, "big") + bytes(body)))
    longest = size.to_bytes(4, "big") + longest[4:]
    writer.write(t3_frame(1, t3_payload("hello_world")) + longest)
    await reader.readexactly(len(HELLO))
    return writer


async def test_beginnings_of_the_longest_messages_hold_up_no_reply(start_bridge):
    reply = lambda value: lambda call: call.reply(msgspec.msgpack.encode(value))
    answers = {"long": lambda call: call.reply(LONG), "hello_world": reply("hello world")}
    async with ScriptedTcp(answers) as backend:
        config = one_backend(backend.url, timeout=f"{PATIENCE_S}s")
        gateway = await start_bridge(config=config, environment=ENVIRONMENT)
        begun = [await begin_longest_message(gateway.tcp_port, 0) for _ in range(40)]
        held = gateway.metrics().total("zerogate_memory_budget_bytes", use="requests")
        assert held < 40 * 100, "a head holds its own bytes"
        begun += [await begin_longest_message(gateway.tcp_port, 2 * PIECE) for _ in range(8)]
        asked = (ask_for_long_reply(gateway.tcp_port) for _ in range(8))
        assert all(reply == LONG for reply in await asyncio.gather(*asked))
        for writer in begun:
            writer.close()
        assert within_limit(gateway)


async def answered_beside_peers_that_send(some, gateway, clients):
    """Each holds less than a client's whole message, and all of them more than there is."""
    budget = lambda name, **labels: gateway.metrics().total("zerogate_memory_budget_" + name, **labels)
    peers = []
    for _ in range(320):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.tcp_port)
        writer.write(some)
        peers.append(writer)
    full = lambda: budget("bytes", use="requests") > budget("limit_bytes") / 2
    await until(full, PATIENCE_S, "they hold most of the memory")
    client = clients.open("tcp", gateway)
    for size in (100_000, 3_000_000):
        assert len(await client.call("echo", "x" * size, timeout=PATIENCE_S * 1_000)) == size
    for peer in peers:
        peer.transport.abort()


async def test_many_short_beginnings_keep_no_client_out(small_gateway, clients):
    begun = t3_frame(1, t3_payload("echo", b"\xc6" + (3 * PIECE).to_bytes(4, "big") + bytes(3 * PIECE)))
    await answered_beside_peers_that_send(begun[: PIECE - 1_000], small_gateway, clients)


async def test_much_behind_calls_under_way_keeps_no_client_out(start_bridge, clients):
    """Peers of old releases have one call answered after the other; behind one that stands they
    send more than there is memory for."""
    over = asyncio.Event()

    async def stand(call):
        await over.wait()
        call.reply(msgspec.msgpack.encode(None))

    behind = t1_frame(t3_payload("stand")) + t1_frame(t3_payload("stand", bytes(PIECE - 1_000)))
    async with ScriptedTcp({"stand": stand}) as backend:
        config = {**one_backend(backend.url, timeout=f"{PATIENCE_S}s"), "handlers": ["echo"]}
        gateway = await start_bridge(config=config, environment=ENVIRONMENT)
        await answered_beside_peers_that_send(behind, gateway, clients)
        over.set()
        assert within_limit(gateway)


async def test_a_fast_reader_gets_many_long_replies_at_once(start_bridge):
    """More than the gateway lets wait for one client, which reads as fast as they come."""
    async with ScriptedTcp({"long": together(24)}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, timeout=f"{PATIENCE_S}s"))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.tcp_port, limit=MIB)
        writer.write(b"".join(t3_frame(i, t3_payload("long")) for i in range(24)))
        for _ in range(24):
            assert (await reader.readexactly(9 + len(LONG)))[9:] == LONG
        writer.close()
        assert rejected(gateway, "tcp", "slow_reader") == 0


BEGINNING = t3_frame(1, t3_payload("echo", msgspec.msgpack.encode(bytes(2 * PIECE))))[: PIECE - 1_000]
WHOLE = t3_frame(1, t3_payload("echo", msgspec.msgpack.encode(bytes(PIECE - 2_000))))


@pytest.mark.parametrize("message", [BEGINNING, WHOLE], ids=["beginnings", "whole"])
async def test_a_thousand_messages_that_are_found_in_one_look(message, small_gateway, clients):
    """The gateway stands still until all have come. Together they, and the replies, are as long as
    its limit."""
    peers = []
    for _ in range(1_000):
        peers.append(socket.create_connection(("127.0.0.1", small_gateway.tcp_port), PATIENCE_S))
    await served(small_gateway, clients)
    os.kill(small_gateway.pid, signal.SIGSTOP)
    for peer in peers:
        peer.sendall(message)
    os.kill(small_gateway.pid, signal.SIGCONT)
    await served(small_gateway, clients)
    for peer in peers:
        peer.close()


async def test_zmq_peers_that_do_not_read(small_gateway, clients):
    context = zmq.Context()
    echo = w5_request(os.urandom(16), "echo", msgspec.msgpack.encode(b"x" * 3_900))
    peers = [context.socket(zmq.DEALER) for _ in range(20)]
    for peer in peers:
        for option, value in ((zmq.LINGER, 0), (zmq.SNDHWM, 0), (zmq.RCVHWM, 1), (zmq.RCVBUF, 4096)):
            peer.setsockopt(option, value)
        peer.connect(f"tcp://127.0.0.1:{small_gateway.zmq_port}")
    for _ in range(1_200):
        for peer in peers:
            peer.send(echo)
        await asyncio.sleep(0)
    taken = lambda: small_gateway.metrics().total("zerogate_requests_total", function="echo")
    await until(lambda: taken() > 1_000, PATIENCE_S, "they are read from")
    await served(small_gateway, clients)
    assert taken() < 1_200 * len(peers), "who does not read is not read from"
    context.destroy(linger=0)


async def test_zmq_peers_that_send_half_a_message(small_gateway, clients):
    peers = []
    for _ in range(24):
        reader, writer = await asyncio.open_connection("127.0.0.1", small_gateway.zmq_port)
        writer.write(GREETING)
        await reader.read(64)
        writer.write(READY + b"\x02" + (4 * MIB).to_bytes(8, "big") + bytes(4 * MIB - 10))
        peers.append(writer)
    shed = lambda: rejected(small_gateway, "zmq", "receive_memory") > 0
    await until(shed, PATIENCE_S, "those who hold most are ended")
    await served(small_gateway, clients)
    for peer in peers:
        peer.transport.abort()


async def test_more_zmq_connections_than_fit_wait(small_gateway, clients):
    limit = small_gateway.metrics().total("zerogate_connections_limit", protocol="zmq")
    assert 1_000 < limit < 9_000
    await served(small_gateway, clients)
    peers = []
    for _ in range(int(limit) + 200):
        peer = socket.create_connection(("127.0.0.1", small_gateway.zmq_port), PATIENCE_S)
        peer.sendall(GREETING + READY)  # one that does not greet is ended after 5 s
        peers.append(peer)
    full = lambda: rejected(small_gateway, "zmq", "limit") > 0
    await until(full, PATIENCE_S, "newcomers wait")
    for peer in peers:
        peer.close()
    await served(small_gateway, clients)


def hold_all_but_the_end_of_a_record(port, context):
    """A connection for which the gateway's TLS holds as much as it can."""
    peer = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(received, sent)
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            peer.sendall(sent.read())
            received.write(peer.recv(64 << 10))
    session.write(bytes(16 << 10))
    peer.sendall(sent.read()[:-100])
    return peer


async def test_more_tls_connections_than_fit_wait(tls_gateway, clients):
    gateway, port, context = tls_gateway.gateway, tls_gateway.port, tls_gateway.context
    fit = int(re.search(r"connections_tls=(\d+)", "".join(gateway.lines))[1])
    assert 100 < fit < 400  # beside both other ports
    hold = lambda: [hold_all_but_the_end_of_a_record(port, context) for _ in range(fit)]
    peers = await asyncio.to_thread(hold)
    peers += [socket.create_connection(("127.0.0.1", port), PATIENCE_S) for _ in range(100)]
    await until(lambda: rejected(gateway, "tcp", "limit") > 0, PATIENCE_S, "newcomers wait")
    assert await clients.open("tcp", gateway).call("hello_world") == "hello world"
    assert within_limit(gateway)
    for peer in peers:
        peer.close()


async def test_long_messages_over_tls_together(tls_gateway):
    """All are begun before one ends: what is not read yet is kept by the kernel."""
    held = lambda: tls_gateway.gateway.metrics().total("zerogate_memory_budget_bytes", use="requests")
    message = t3_frame(1, t3_payload("hello_world", LONG))
    half = len(message) // 2
    peers = []
    for _ in range(24):
        peers.append(await asyncio.open_connection("127.0.0.1", tls_gateway.port, ssl=tls_gateway.context))
        peers[-1][1].write(message[:half])
    await until(lambda: held() > len(message) + MIB, PATIENCE_S, "one has claimed its memory, others wait")
    for _, writer in peers:
        writer.write(message[half:])
    for reader, writer in peers:
        assert await reader.readexactly(len(HELLO)) == HELLO
        writer.close()
    await until(lambda: held() == 0, PATIENCE_S, "all of it is given back")


@pytest.mark.parametrize("clients_at_once", [12, 24])
async def test_long_replies_over_tls_together(clients_at_once, tls_gateway):
    """Each of them reads: what is encrypted for one takes no more memory than its reply."""
    message = t3_frame(1, t3_payload("echo", LONG))

    async def ask():
        reader, writer = await asyncio.open_connection("127.0.0.1", tls_gateway.port, ssl=tls_gateway.context)
        writer.write(message)
        frame = await reader.readexactly(9 + len(LONG))
        writer.close()
        return frame[9:]

    replies = await asyncio.gather(*(ask() for _ in range(clients_at_once)), return_exceptions=True)
    assert [reply for reply in replies if reply != LONG] == []
    assert rejected(tls_gateway.gateway, "tcp", "send_memory") == 0


async def test_tls_clients_that_do_not_read_go(tls_gateway, clients):
    """Each asks for more than the kernel keeps of its replies, and is read from until the gateway
    keeps more than limits.write_buffer for it (1 MiB). All together they want more than there is."""
    message = t3_frame(1, t3_payload("echo", msgspec.msgpack.encode(bytes(MIB + PIECE))))
    limit = tls_gateway.gateway.metrics().total("zerogate_memory_budget_limit_bytes")

    async def ask():
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 10)
        peer.setblocking(False)
        await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", tls_gateway.port))
        tls = {"ssl": tls_gateway.context, "server_hostname": "localhost"}
        _, writer = await asyncio.open_connection(sock=peer, limit=1 << 10, **tls)
        try:
            for _ in range(3):
                writer.write(message)
                await writer.drain()
            await asyncio.Event().wait()
        finally:
            writer.transport.abort()

    asking = asyncio.gather(*(ask() for _ in range(math.ceil(limit / MIB))), return_exceptions=True)
    shed = lambda: rejected(tls_gateway.gateway, "tcp", "send_memory") > 0
    await until(shed, PATIENCE_S, "who does not read is ended")
    client = clients.open("tcp", tls_gateway.gateway)
    assert await client.call("hello_world") == "hello world"
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("limit, reason", [("MEMORY=64MiB", "memory"), ("MESSAGE=1MiB", "too_large")])
async def test_a_huge_value_of_redis_costs_its_own_call(limit, reason, start_gateway, own_redis, clients):
    name, value = limit.split("=")
    gateway = start_gateway(own_redis.url(), environment={"ZEROGATE_LIMITS_" + name: value})
    order = "7b3dd5e4-6f0b-4c57-9d65-0a1d1f6d9a10"
    own_redis.client().setrange(order, 40 * MIB, b"x")
    client = clients.open("tcp", gateway)
    with pytest.raises(RemoteException, match="more than"):
        await client.call("get_order", order, timeout=PATIENCE_S * 1_000)
    assert gateway.metrics().total("zerogate_redis_replies_refused_total", reason=reason) == 1
    up = lambda: gateway.metrics().total("zerogate_redis_up") == 1
    await until(up, PATIENCE_S, "it connects again")
    assert gateway.metrics().total("zerogate_memory_budget_bytes", use="redis_replies") < MIB
    assert await client.call("hello_world") == "hello world"
    assert within_limit(gateway)


async def test_no_reply_is_lost_of_thousands_under_way(gateway):
    calls, argument = 5_000, msgspec.msgpack.encode("x" * 3_000)
    ids = {number.to_bytes(ID_BYTES, "big") for number in range(1, calls + 1)}
    async with ZmqConnection(gateway.zmq_port, most_unsent=0) as client:
        for request_id in ids:
            await client.socket.send(w5_request(request_id, "echo", argument))
        while ids:
            reply = (await client.receive())[0]
            assert reply == NOTHING or reply[ID_BYTES:] == argument
            ids.discard(reply[:ID_BYTES])
    assert rejected(gateway, "zmq", "slow_reader") == 0
