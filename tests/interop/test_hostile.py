"""Peers that break the rules, by accident or not: each is answered or closed as Zero's own server
does it (closed with a counted reason where that one would hang), nobody beside them notices, and
memory does not grow."""

import asyncio
import os
import random
import resource
import subprocess

import pytest

from raw import GREETING, NIL, READY, TcpConnection, ZmqConnection, t3_frame, t3_payload, w5_request
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

MIB = 1 << 20
HELLO = t3_frame(7, t3_payload("hello_world"))
HELLO_REPLY = bytes.fromhex("000000110000000700ab68656c6c6f20776f726c64")

CURVE_GREETING = GREETING.replace(b"NULL\0", b"CURVE")


def error(text, key="server_exception"):
    """A whole T3 reply to request 7."""
    key = f"__zerror__{key}".encode()
    body = b"\x81" + bytes([0xA0 | len(key)]) + key if len(key) < 32 else None
    length = bytes([0xA0 | len(text)]) if len(text) < 32 else b"\xd9" + bytes([len(text)])
    return t3_frame(7, body + length + text.encode(), flag=1)


# What is sent, what comes back before the connection ends, and what counts it.
CLOSED = {
    "length 0": (b"\0\0\0\0", b"", "bad_length"),
    "length 4": (b"\0\0\0\4" + b"\0" * 4, b"", "bad_length"),
    "length 5, no payload": (t3_frame(7, b""), b"", "empty"),
    "a byte that MessagePack never uses": (t3_frame(7, b"\xc1"), b"", "bad_msgpack"),
    "a cut-off map": (t3_frame(7, b"\x82\xa2fn"), b"", "bad_msgpack"),
    "bytes behind the map": (t3_frame(7, t3_payload("hello_world") + b"\xc0"), b"", "bad_msgpack"),
    "a map of 4 billion pairs": (t3_frame(7, b"\xdf\xff\xff\xff\xff"), b"", "bad_msgpack"),
    "a name that is not UTF-8": (t3_frame(7, b"\x81\xa2fn\xa2\xff\xfe"), b"", "bad_name"),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", "other_protocol"),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + b"\x55" * 40, b"", "other_protocol"),
    "ZeroMQ": (GREETING, b"", "other_protocol"),
    "the largest length": (b"\xff\xff\xff\xfe" + b"x" * 20, b"", "too_large"),
    "good, then bad": (HELLO + b"\0\0\0\1", HELLO_REPLY, "bad_length"),
}

ANSWERED = {
    "not a map": (t3_frame(7, b"\x01"), error("Request must be a dict")),
    "no function": (t3_frame(7, b"\x80"), error("Missing function name")),
    "an empty name": (t3_frame(7, t3_payload("")), error("Missing function name")),
    "unknown": (
        t3_frame(7, t3_payload("nope")),
        error("Function `nope` not found!", "function_not_found")),
    "nested 100,000 deep": (
        t3_frame(7, t3_payload("echo", b"\x91" * 100_000 + NIL)),
        error("the argument is nested deeper than 1024 levels")),
    "a name of 16 MB": (
        t3_frame(7, t3_payload("a" * 16_000_000)),
        error("a function's name has at most 1024 bytes")),
    "no data": (t3_frame(7, b"\x81\xa2fn\xabhello_world"), HELLO_REPLY),
    "extra keys": (t3_frame(7, b"\x83\xa2fn\xabhello_world\x01\x02\xa1x\x90"), HELLO_REPLY),
    "fn twice": (t3_frame(7, b"\x82\xa2fn\xa4nope\xa2fn\xabhello_world"), HELLO_REPLY),
}


def malformed(gateway, protocol, reason):
    return gateway.metrics().total("zerogate_malformed_total", protocol=protocol, reason=reason)


@pytest.mark.parametrize("name", CLOSED)
async def test_tcp_closed(peer, name):
    sent, reply, reason = CLOSED[name]
    before = malformed(peer, "tcp", reason)
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(sent)
        assert await connection.ended() == reply
    assert malformed(peer, "tcp", reason) == before + 1


@pytest.mark.parametrize("name", ANSWERED)
async def test_tcp_answered_and_kept_open(peer, name):
    sent, reply = ANSWERED[name]
    async with await TcpConnection.open(peer.tcp_port) as connection:
        for _ in range(2):  # the second time shows that the connection is still in step
            await connection.send(sent)
            assert await connection.receive(len(reply)) == reply


async def test_tcp_half_closed_peer_still_gets_its_reply(peer):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        order = t3_payload("save_order", bytes.fromhex("82a7757365725f6964a131a56974656d7390"))
        await connection.send(t3_frame(7, order))  # answered later, when Redis has spoken
        connection.writer.write_eof()
        assert b"order_id" in await connection.ended()


async def test_tcp_end_in_the_middle_of_a_frame(peer):
    before = malformed(peer, "tcp", "truncated")
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(HELLO + HELLO[:-1])
        connection.writer.write_eof()
        assert await connection.ended() == HELLO_REPLY
    assert malformed(peer, "tcp", "truncated") == before + 1


async def test_tcp_a_frame_in_single_bytes(peer):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        for byte in HELLO + HELLO:
            await connection.send(bytes([byte]))
        assert await connection.receive(2 * len(HELLO_REPLY)) == 2 * HELLO_REPLY


async def test_tcp_ten_thousand_frames_in_one_write(peer):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        connection.writer.write(HELLO * 10_000)
        replies = await connection.receive(len(HELLO_REPLY) * 10_000)
        assert replies == HELLO_REPLY * 10_000


async def test_tcp_a_peer_that_does_not_read_is_no_longer_read_from(peer):
    """1 MiB echoes without end: at some point the gateway stops reading, and others go on."""
    frame = t3_frame(7, t3_payload("echo", b"\xc6" + MIB.to_bytes(4, "big") + b"x" * MIB))
    async with await TcpConnection.open(peer.tcp_port) as greedy:
        greedy.writer.transport.pause_reading()
        greedy.writer.transport.set_write_buffer_limits(high=0)
        sent = 0
        try:
            while sent < 64:
                greedy.writer.write(frame)
                await asyncio.wait_for(greedy.writer.drain(), 1)
                sent += 1
        except TimeoutError:
            pass
        assert sent < 64, "64 MiB were taken in from a peer that reads nothing"
        async with await TcpConnection.open(peer.tcp_port) as other:
            await other.send(HELLO)
            assert await other.receive(len(HELLO_REPLY)) == HELLO_REPLY


@pytest.mark.parametrize("name, frames, answer", [
    ("empty", [b""], b"Function `` not found!"),
    ("shorter than an id", [b"abc"], b"Function `` not found!"),
    ("no name", [b"i" * 16], b"Function `` not found!"),
    ("padded with NUL", [b"i" * 16 + b"hello_world".ljust(80, b"\0")], b"not found!"),
    ("bad argument", [w5_request(b"i" * 16, "echo", b"\xc1")], b"server cannot process message"),
    ("cut-off argument", [w5_request(b"i" * 16, "echo", b"\xd9")], b"server cannot process"),
    ("bytes behind", [w5_request(b"i" * 16, "echo", NIL + NIL)], b"server cannot process"),
    ("bad name", [b"i" * 16 + b"\xff\xfe".ljust(80)], b"server cannot process"),
    ("deep", [w5_request(b"i" * 16, "echo", b"\x91" * 9_999 + NIL)], b"nested deeper than 1024 levels"),
])
async def test_zmq_answered(peer, name, frames, answer):
    async with ZmqConnection(peer.zmq_port) as connection:
        (reply,) = await connection.exchange(*frames)
        assert reply.startswith(frames[0][:16]) and answer in reply


async def test_zmq_more_frames_than_a_request_has(peer):
    before = malformed(peer, "zmq", "bad_frames")
    async with ZmqConnection(peer.zmq_port) as connection:
        await connection.socket.send_multipart([b"a", b"b", b"c"])
        (reply,) = await connection.exchange(w5_request(b"i" * 16, "hello_world"))
        assert reply == b"i" * 16 + b"\xabhello world"  # the first message got none
    assert malformed(peer, "zmq", "bad_frames") == before + 1


# The crowd: every one of them stays for as long as the gateway lets it.

TCP_CROWD = [
    b"",  # silent
    b"\0\0",  # half a length
    t3_frame(1, b"")[:7],
    (MIB).to_bytes(4, "big") + b"\0\0\0\1\0" + b"x" * 1_000,  # a frame that never ends
    HELLO[:-1],
    HELLO * 100,  # a hundred calls, and no look at the replies
    t3_frame(1, t3_payload("echo", b"\xc5\x27\x10" + b"x" * 10_000)) * 20,
] + [sent for sent, _, _ in CLOSED.values()]

ZMQ_CROWD = [
    b"",
    b"\xff",
    GREETING[:10],
    GREETING,
    CURVE_GREETING,
    GREETING + READY,
    GREETING + READY + b"\0\x60" + b"x" * 50,  # half a frame
    GREETING + READY + b"\x02" + (MIB).to_bytes(8, "big") + b"x" * 1_000,
    GREETING + READY + b"\x02" + (1 << 40).to_bytes(8, "big") + b"x" * 100,  # above every limit
    GREETING + READY + b"\xff" * 100,
    GREETING + b"\x04\xff" + b"x" * 20,
    b"GET / HTTP/1.1\r\n\r\n",
    HELLO,
]


def crowd(bases, count):
    generator = random.Random(20_261_122)
    noise = [generator.randbytes(generator.randrange(1, 2_000)) for _ in range(50)]
    return [(noise if i % 5 == 0 else bases)[i // 5 % len(noise if i % 5 == 0 else bases)]
            for i in range(count)]


async def hold(port, sent, release):
    """One hostile connection; a third of them half-close, or go with a reset."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await writer.drain()
        if len(sent) % 3 == 1:
            writer.write_eof()
        await release.wait()
        if len(sent) % 3 == 2:
            writer.transport.abort()
        writer.close()
    except OSError:
        pass  # closed on us: as it should be


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Beside:
    """Well-behaved callers beside the crowd; a failed call is an exception of its task."""

    def __init__(self, clients, release):
        self.calls = 0
        self.task = asyncio.gather(*(self._call(client, release) for client in clients))

    async def _call(self, client, release):
        while not release.is_set():
            argument = {"n": self.calls}
            assert await client.call("echo", argument) == argument
            self.calls += 1


async def test_a_crowd_of_1200_on_each_port(gateway, clients):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    good = [clients.open(kind, gateway) for kind in ("tcp", "zmq_async", "zmq_sync")]
    for client in good:
        for _ in range(20):
            assert await client.call("hello_world") == "hello world"
    before = resident_bytes(gateway.pid)
    peak = 0
    for crowds in (1, 2):  # what the first crowd leaves behind must not add up
        release = asyncio.Event()
        beside = Beside(good, release)
        hostile = [asyncio.create_task(hold(gateway.tcp_port, sent, release))
                   for sent in crowd(TCP_CROWD, 1_200)]
        hostile += [asyncio.create_task(hold(gateway.zmq_port, sent, release))
                    for sent in crowd(ZMQ_CROWD, 1_200)]

        def arrived():
            metrics = gateway.metrics()
            accepted = [metrics.total("zerogate_connections_accepted_total", protocol=protocol)
                        for protocol in ("tcp", "zmq")]
            return min(accepted) >= 1_200 * crowds

        await until(arrived, PATIENCE_S, "the crowd is there")
        calls = beside.calls
        await until(lambda: beside.calls >= calls + 50, PATIENCE_S, "calls are answered beside it")
        await until(lambda: malformed(gateway, "zmq", "bad_handshake") > 0, PATIENCE_S, "handshakes fail")
        peak = max(peak, resident_bytes(gateway.pid))
        release.set()
        await asyncio.gather(*hostile)
        await beside.task

        def gone():
            metrics = gateway.metrics()
            return all(metrics.total("zerogate_connections", protocol=p) < 100
                       for p in ("tcp", "zmq"))

        await until(gone, PATIENCE_S, "the crowd is gone")
    print(f"resident: {before / MIB:.1f} MiB before, {peak / MIB:.1f} at most")
    if not gateway.is_sanitized():  # a sanitizer keeps freed memory on purpose
        assert peak - before < 20 * MIB
        await until(lambda: resident_bytes(gateway.pid) - before < 8 * MIB, PATIENCE_S, "it comes back")
