"""Backends that do on command what no real server does: answer late, twice, to nobody, with
garbage, with half a frame, or not at all. They live in the test's own event loop.

A script maps a function's name to what is done with its calls; `connect` is answered as the real
servers do it, and every other function is an echo, unless the script says otherwise."""

import asyncio
import inspect
import os

import msgspec
import zmq
import zmq.asyncio

from own_port import own_port
from raw import CONNECTED, HEADER, ID_BYTES, NAME_BYTES, t3_frame


class Call:
    """One request as it came: `data` is the argument's bytes."""

    def __init__(self, backend, back, request_id, function, data):
        self.backend, self.request_id = backend, request_id
        self.function, self.data = function, data
        self._back = back

    def reply(self, payload, flag=0, request_id=None):
        request_id = self.request_id if request_id is None else request_id
        self._back.reply(request_id, payload, flag)

    def send(self, data):
        """Bytes as they are (over TCP), or a message of these frames (over ZeroMQ)."""
        self._back.send(data)

    def close(self):
        self._back.close()

    def stop_reading(self):
        self._back.stop_reading()


def connected(call):
    call.reply(CONNECTED)


def echo(call):
    call.reply(call.data)


def silent(call):
    pass


class Scripted:
    def __init__(self, script=None, path=None):
        self.received = []  # Calls, without those of `connect`
        self.script = {"connect": connected, **(script or {})}
        self.port = 0 if path else own_port()
        self._path = path
        self._tasks = set()

    def count(self, function):
        return sum(call.function == function for call in self.received)

    async def __aenter__(self):
        return await self.open()

    async def __aexit__(self, *_):
        await self.close()

    def _take(self, call):
        if call.function != "connect":
            self.received.append(call)
        done = self.script.get(call.function, echo)(call)
        if inspect.isawaitable(done):
            task = asyncio.ensure_future(done)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _cancel(self):
        for task in self._tasks:
            task.cancel()


class ScriptedTcp(Scripted):
    """Zero's TCP protocol (T3)."""

    protocol = "tcp"
    host = "127.0.0.1"

    def __init__(self, script=None, path=None):
        super().__init__(script, path)
        self.connections = set()
        self.accepted = 0

    @property
    def url(self):
        return f"unix:{self._path}" if self._path else f"tcp://{self.host}:{self.port}"

    async def open(self):
        """A second open() takes the same port again."""
        loop = asyncio.get_running_loop()
        make = lambda: _TcpConnection(self)
        if self._path:
            self._server = await loop.create_unix_server(make, self._path)
        else:
            self._server = await loop.create_server(make, self.host, self.port)
        return self

    async def close(self):
        self._cancel()
        self._server.close()
        for connection in list(self.connections):
            connection.close()
        if self._path and os.path.exists(self._path):
            os.unlink(self._path)


class _TcpConnection(asyncio.Protocol):
    def __init__(self, backend):
        self._backend = backend
        self._buffer = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self._backend.connections.add(self)
        self._backend.accepted += 1

    def connection_lost(self, _):
        self._backend.connections.discard(self)

    def data_received(self, data):
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            length, request_id, _ = HEADER.unpack_from(self._buffer)
            if len(self._buffer) < 4 + length:
                break
            payload = self._buffer[HEADER.size : 4 + length]
            self._buffer = self._buffer[4 + length :]
            request = msgspec.msgpack.decode(payload, type=dict[str, msgspec.Raw])
            function = msgspec.msgpack.decode(request["fn"])
            argument = bytes(request["data"])
            self._backend._take(Call(self._backend, self, request_id, function, argument))

    def reply(self, request_id, payload, flag):
        self.send(t3_frame(request_id, payload, flag))

    def send(self, data):
        if not self.transport.is_closing():
            self.transport.write(data)

    def close(self):
        self.transport.abort() if self.transport.is_closing() else self.transport.close()

    def stop_reading(self):
        self.transport.pause_reading()


class ScriptedZmq(Scripted):
    """Zero's ZeroMQ protocol (W5)."""

    protocol = "zmq"

    @property
    def url(self):
        return f"ipc:{self._path}" if self._path else f"zmq://127.0.0.1:{self.port}"

    async def open(self):
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        if self._path:
            self._socket.bind(f"ipc://{self._path}")
        else:
            self._socket.bind(f"tcp://127.0.0.1:{self.port}")
        self._reader = asyncio.create_task(self._read())
        return self

    async def close(self):
        self._cancel()
        self._reader.cancel()
        self._socket.close()
        self._context.term()

    async def _read(self):
        while True:
            identity, body = await self._socket.recv_multipart()
            request_id, body = body[:ID_BYTES], body[ID_BYTES:]
            function = body[:NAME_BYTES].strip().decode()
            self._take(Call(self, _ZmqPeer(self._socket, identity), request_id, function,
                            body[NAME_BYTES:]))


class _ZmqPeer:
    def __init__(self, socket, identity):
        self._socket, self._identity = socket, identity

    def reply(self, request_id, payload, flag):
        self.send([request_id + payload])

    def send(self, frames):
        self._socket.send_multipart([self._identity, *frames])


SCRIPTED = {"tcp": ScriptedTcp, "zmq": ScriptedZmq}
