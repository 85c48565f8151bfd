"""Zero's two wire formats by hand, for what the real clients cannot do: to look at bytes, to send
wrong ones, and to keep several calls in flight on one connection."""

import asyncio
import os
import struct
import time

import msgspec
import zmq
import zmq.asyncio

HEADER = struct.Struct(">IIB")  # length, request id, flag; the length does not count itself
ID_BYTES, NAME_BYTES = 16, 80
NOTHING = b"\0" * ID_BYTES  # what keeps a quiet ZeroMQ client alive: the id of no call
NIL = b"\xc0"
CONNECTED = b"\xa9connected"
TIMEOUT_S = 15

# RFC 23/ZMTP 3.0: greeting, then READY, then frames of flags, length and bytes.
GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\0NULL" + b"\0" * 48
READY = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"


def t1_frame(payload):
    return struct.pack(">I", len(payload)) + payload


def t3_frame(request_id, payload, flag=0):
    return HEADER.pack(5 + len(payload), request_id, flag) + payload


def t3_payload(function, data=NIL):
    """`data` is MessagePack, and is not touched."""
    return b"\x82\xa2fn" + msgspec.msgpack.encode(function) + b"\xa4data" + data


def w5_request(request_id, function, data=b""):
    return request_id + function.encode().ljust(NAME_BYTES) + data


class TcpConnection:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 25))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.writer.transport.abort()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, size):
        return await asyncio.wait_for(self.reader.readexactly(size), TIMEOUT_S)

    async def receive_frame(self):
        """The whole frame with its header."""
        length = await self.receive(4)
        return length + await self.receive(int.from_bytes(length, "big"))

    async def ended(self):
        """What still comes until the peer closes; a reset is a close too."""
        try:
            return await asyncio.wait_for(self.reader.read(), TIMEOUT_S)
        except ConnectionError:
            return b""


class ZmqConnection:
    """A DEALER, as Zero's clients are."""

    def __init__(self, port, most_unsent=1_000):
        self._context = zmq.asyncio.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, most_unsent)  # messages; 0: any
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.socket.close()
        self._context.term()

    async def exchange(self, *frames):
        """The answer. Keep-alives that come before it are passed over, as clients pass over every id
        that is none of theirs."""
        await self.socket.send_multipart(frames)
        while (answer := await self.receive()) == [NOTHING]:
            pass
        return answer

    async def receive(self):
        return await asyncio.wait_for(self.socket.recv_multipart(), TIMEOUT_S)


def tcp_answers(port):
    """One hello_world, blocking: is the server up?"""
    import socket

    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(t3_frame(1, t3_payload("hello_world")))
            return connection.recv(4) == b"\0\0\0\x11"
    except OSError:
        return False


def zmq_answers(port):
    """One `connect`, blocking: is the server up?"""
    context = zmq.Context()
    connection = context.socket(zmq.DEALER)
    connection.setsockopt(zmq.LINGER, 0)
    try:
        connection.connect(f"tcp://127.0.0.1:{port}")
        connection.send(os.urandom(ID_BYTES) + b"connect")
        return bool(connection.poll(10_000)) and connection.recv().endswith(CONNECTED)
    finally:
        connection.close()
        context.term()


class Load:
    """Keeps `depth` calls of one function in flight on each of `connections` connections, until
    finish(), and counts what becomes of them."""

    def __init__(self, port, function, data, connections, depth):
        self.payload = t3_payload(function, data)
        self.sent = self.ok = self.failed = 0
        self.slowest_s = 0.0
        self.errors = {}
        self.lost_connections = 0
        self.running = True
        self._port, self._connections, self._depth = port, connections, depth
        self._callers = []

    async def start(self):
        loop = asyncio.get_running_loop()
        for _ in range(self._connections):
            _, caller = await loop.create_connection(lambda: _Caller(self), "127.0.0.1", self._port)
            self._callers.append(caller)
        for caller in self._callers:
            caller.fill(self._depth)
        return self

    @property
    def answered(self):
        return self.ok + self.failed

    def in_flight(self):
        return self.sent - self.answered

    def oldest_s(self):
        """How long the oldest unanswered call has been waiting."""
        now = time.monotonic()
        return max((now - min(c.sent_at.values()) for c in self._callers if c.sent_at), default=0)

    def stop_sending(self):
        self.running = False

    def close(self):
        self.running = False
        for caller in self._callers:
            caller.transport.abort()


class _Caller(asyncio.Protocol):
    def __init__(self, load):
        self.load = load
        self.transport = None
        self.sent_at = {}
        self._next_id = 1
        self._buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        if self.load.running:
            self.load.lost_connections += 1

    def fill(self, calls):
        now = time.monotonic()
        frames = []
        for _ in range(calls):
            frames.append(t3_frame(self._next_id, self.load.payload))
            self.sent_at[self._next_id] = now
            self._next_id += 1
        self.load.sent += calls
        self.transport.write(b"".join(frames))

    def data_received(self, data):
        buffer = self._buffer + data
        offset = replies = 0
        while len(buffer) - offset >= HEADER.size:
            length, request_id, flag = HEADER.unpack_from(buffer, offset)
            if len(buffer) - offset < 4 + length:
                break
            self._count(request_id, flag, buffer[offset + HEADER.size : offset + 4 + length])
            offset += 4 + length
            replies += 1
        self._buffer = buffer[offset:]
        if replies and self.load.running:
            self.fill(replies)

    def _count(self, request_id, flag, payload):
        load = self.load
        waited = time.monotonic() - self.sent_at.pop(request_id)  # a second answer is a KeyError
        load.slowest_s = max(load.slowest_s, waited)
        if flag:
            load.failed += 1
            load.errors[payload] = load.errors.get(payload, 0) + 1
        else:
            load.ok += 1
