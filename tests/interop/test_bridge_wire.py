"""What the bridge does to the bytes: it moves payloads as they are, and translates None and the
error flag."""

import os

import msgspec
import pytest

from raw import TcpConnection, ZmqConnection, t3_frame, t3_payload, w5_request
from scripted_backend import SCRIPTED
from test_types import NOT_CANONICAL, encodings

pytestmark = pytest.mark.gateway

client_protocols = pytest.mark.parametrize("client_protocol", ["tcp", "zmq"])
scripted_protocols = pytest.mark.parametrize("protocol", ["tcp", "zmq"])


class RawClient:
    """Calls by hand over one connection; results and arguments are bytes."""

    def __init__(self, protocol, gateway):
        self.protocol, self._gateway = protocol, gateway

    async def __aenter__(self):
        if self.protocol == "tcp":
            self._connection = await TcpConnection.open(self._gateway.tcp_port)
        else:
            self._connection = ZmqConnection(self._gateway.zmq_port)
        return self

    async def __aexit__(self, *_):
        await self._connection.__aexit__()

    async def call(self, function, data):
        """(payload, flag); over ZeroMQ there is no flag."""
        if self.protocol == "tcp":
            await self._connection.send(t3_frame(7, t3_payload(function, data)))
            frame = await self._connection.receive_frame()
            assert frame[4:8] == b"\0\0\0\7"
            return frame[9:], frame[8]
        request_id = os.urandom(16)
        [reply] = await self._connection.exchange(w5_request(request_id, function, data))
        assert reply[:16] == request_id
        return reply[16:], None


@client_protocols
@scripted_protocols
async def test_payloads_are_moved_as_they_are(client_protocol, protocol, start_bridge):
    async with SCRIPTED[protocol]() as backend:
        gateway = await start_bridge(backend.url)
        payloads = [data for data in encodings() + NOT_CANONICAL if data != b"\xc0"]
        async with RawClient(client_protocol, gateway) as client:
            for data in payloads:
                reply, flag = await client.call("f", data)
                assert reply == data
                assert not flag
        assert [call.data for call in backend.received] == payloads


@client_protocols
@scripted_protocols
async def test_none_is_translated(client_protocol, protocol, start_bridge):
    async with SCRIPTED[protocol]({"f": lambda call: call.reply(b"\xc0")}) as backend:
        gateway = await start_bridge(backend.url)
        async with RawClient(client_protocol, gateway) as client:
            none = b"\xc0" if client_protocol == "tcp" else b""
            assert (await client.call("f", none))[0] == b"\xc0"
        assert [call.data for call in backend.received] == [b"\xc0" if protocol == "tcp" else b""]


ERROR_BODIES = {  # the body, and the flag that it goes with over TCP
    "not found": ({"__zerror__function_not_found": "x"}, 1),
    "validation": ({"__zerror__validation_error": "x"}, 1),
    "exception": ({"__zerror__server_exception": "x"}, 1),
    "another kind": ({"__zerror__some_day": [1, 2]}, 1),
    "not the first key": ({"a": 1, 5: {}, "__zerror__server_exception": "x"}, 1),
    "longer than most": ({"__zerror__server_exception": "x" * 70_000}, 1),
    "key of bytes": ({b"__zerror__server_exception": "x"}, 0),
    "in a list": ([{"__zerror__server_exception": "x"}], 0),
    "further in": ({"a": {"__zerror__server_exception": "x"}}, 0),
    "a text": ("__zerror__server_exception", 0),
    "almost": ({"__zerror_server_exception": "x"}, 0),
}


@client_protocols
@scripted_protocols
async def test_error_flag_is_translated(client_protocol, protocol, start_bridge):
    bodies = {name: msgspec.msgpack.encode(body) for name, (body, _) in ERROR_BODIES.items()}
    flags = {bodies[name]: flag for name, (_, flag) in ERROR_BODIES.items()}
    answer = lambda call: call.reply(call.data, flags[call.data])
    async with SCRIPTED[protocol]({"f": answer}) as backend:
        gateway = await start_bridge(backend.url)
        async with RawClient(client_protocol, gateway) as client:
            for name, body in bodies.items():
                reply, flag = await client.call("f", body)
                assert reply == body, name
                assert flag in (None, flags[body]), name
