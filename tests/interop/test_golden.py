"""The bytes that the real clients send, and the bytes that a real server answers."""

import asyncio
import os

import msgspec
import pytest
import zmq
import zmq.asyncio

from raw import CONNECTED, TcpConnection, ZmqConnection, t3_frame, t3_payload, w5_request

ORDER = {"user_id": "1", "items": ["apple", "python"]}
ORDER_BYTES = bytes.fromhex("82a7757365725f6964a131a56974656d7392a56170706c65a6707974686f6e")
HELLO_T3 = bytes.fromhex("0000001b000000010082a2666eab68656c6c6f5f776f726c64a464617461c0")
HELLO_RESULT = bytes.fromhex("ab68656c6c6f20776f726c64")
ORDER_T3 = bytes.fromhex("00000038000000020082a2666eaa736176655f6f72646572a464617461") + ORDER_BYTES


class TcpListener:
    """Writes down what a client sends, and answers "hello world" to each frame."""

    def __init__(self):
        self.frames = []
        self.tcp_port = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.tcp_port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                length = await reader.readexactly(4)
                rest = await reader.readexactly(int.from_bytes(length, "big"))
                self.frames.append(length + rest)
                writer.write(t3_frame(int.from_bytes(rest[:4], "big"), HELLO_RESULT))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class ZmqListener:
    """The same as a ROUTER: each message with the frames behind the identity."""

    def __init__(self):
        self.messages = []

    async def __aenter__(self):
        self._context = zmq.asyncio.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self.zmq_port = self._router.bind_to_random_port("tcp://127.0.0.1")
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        self._router.close()
        self._context.term()

    async def _serve(self):
        while True:
            identity, *frames = await self._router.recv_multipart()
            self.messages.append(frames)
            result = CONNECTED if frames[0][16:] == b"connect" else HELLO_RESULT
            await self._router.send_multipart([identity, frames[0][:16] + result])


async def test_what_the_tcp_client_sends(clients):
    async with TcpListener() as listener:
        client = clients.open("tcp", listener, parallel=1)
        assert await client.call("hello_world") == "hello world"
        await client.call("save_order", ORDER)
        await clients.close(client)
    assert listener.frames == [HELLO_T3, ORDER_T3]
    assert [len(frame) for frame in listener.frames] == [31, 60]
    # Our own hands write the same, so what the other tests send is what clients send.
    assert listener.frames[0] == t3_frame(1, t3_payload("hello_world"))
    assert listener.frames[1] == t3_frame(2, t3_payload("save_order", ORDER_BYTES))


@pytest.mark.parametrize("zmq_kind", ["zmq_async", "zmq_sync"])
async def test_what_the_zmq_clients_send(clients, zmq_kind):
    async with ZmqListener() as listener:
        client = clients.open(zmq_kind, listener)
        assert await client.call("hello_world") == "hello world"
        await client.call("save_order", ORDER)
        await clients.close(client)
    bodies = [frames[0] for frames in listener.messages]
    assert [len(frames) for frames in listener.messages] == [1, 1, 1], "one frame, no delimiter"
    assert bodies[0][16:] == b"connect"
    assert bodies[1][16:] == b"hello_world" + b" " * 69
    assert bodies[2][16:] == b"save_order" + b" " * 70 + ORDER_BYTES
    assert [len(body) for body in bodies] == [23, 96, 127]
    assert len({body[:16] for body in bodies}) == 3, "a fresh id each"
    assert bodies[2] == w5_request(bodies[2][:16], "save_order", ORDER_BYTES)


async def test_tcp_hello_world(peer):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(HELLO_T3)
        reply = await connection.receive_frame()
    assert reply == bytes.fromhex("000000110000000100") + HELLO_RESULT
    assert len(reply) == 21


async def test_zmq_connect_and_hello_world(peer):
    first, second = os.urandom(16), os.urandom(16)
    async with ZmqConnection(peer.zmq_port) as connection:
        [connected] = await connection.exchange(first + b"connect")
        [reply] = await connection.exchange(w5_request(second, "hello_world"))
    assert connected == first + bytes.fromhex("a9636f6e6e6563746564")
    assert len(connected) == 26
    assert reply == second + HELLO_RESULT
    assert len(reply) == 28


def error(key, text):
    return msgspec.msgpack.encode({"__zerror__" + key: text})


NOT_A_DICT = error("server_exception", "Request must be a dict")
NO_NAME = error("server_exception", "Missing function name")
encode = msgspec.msgpack.encode

# A request's payload over TCP, the flag and the payload of the answer.
TCP_ANSWERS = {
    "connect": (t3_payload("connect"), 0, CONNECTED),
    "an array": (encode([1]), 1, NOT_A_DICT),
    "a str": (encode("hello_world"), 1, NOT_A_DICT),
    "nil": (b"\xc0", 1, NOT_A_DICT),
    "an int": (b"\x05", 1, NOT_A_DICT),
    "an empty map": (b"\x80", 1, NO_NAME),
    "no fn": (encode({"data": 1}), 1, NO_NAME),
    "fn nil": (encode({"fn": None}), 1, NO_NAME),
    "fn empty": (encode({"fn": "", "data": 1}), 1, NO_NAME),
    "fn 0": (encode({"fn": 0}), 1, NO_NAME),
    "fn false": (encode({"fn": False}), 1, NO_NAME),
    "unknown fn": (
        t3_payload("nope"),
        1,
        error("function_not_found", "Function `nope` not found!"),
    ),
    "reserved fn": (
        t3_payload("__server_info__"),
        1,
        error("function_not_found", "Function `__server_info__` not found!"),
    ),
    "no data": (encode({"fn": "echo"}), 0, b"\xc0"),
    "no data needed": (encode({"fn": "hello_world"}), 0, HELLO_RESULT),
    "data first": (encode({"data": [7], "fn": "echo"}), 0, b"\x91\x07"),
    "more keys": (encode({"x": {}, "fn": "echo", 5: 1, "data": 1, "fnx": "no"}), 0, b"\x01"),
    "fn twice": (b"\x83\xa2fn\xa4nope\xa2fn\xa4echo\xa4data\x01", 0, b"\x01"),
    "data twice": (b"\x83\xa2fn\xa4echo\xa4data\x01\xa4data\x02", 0, b"\x02"),
    "long map": (b"\xdf\x00\x00\x00\x02\xa2fn\xd9\x04echo\xa4data\xc0", 0, b"\xc0"),
    "echo of an error": (
        t3_payload("echo", encode({1: 2, "__zerror__x": "y"})),
        1,
        encode({1: 2, "__zerror__x": "y"}),
    ),
    "echo of no error": (
        t3_payload("echo", encode({"__zerror": 1, "a": {"__zerror__x": 1}})),
        0,
        encode({"__zerror": 1, "a": {"__zerror__x": 1}}),
    ),
}


@pytest.mark.parametrize("name", TCP_ANSWERS)
async def test_tcp_answer(peer, name):
    payload, flag, expected = TCP_ANSWERS[name]
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(t3_frame(0xFFFFFFFF, payload))
        assert await connection.receive_frame() == t3_frame(0xFFFFFFFF, expected, flag)
        await connection.send(HELLO_T3)  # the connection is as good as before
        assert await connection.receive_frame() == t3_frame(1, HELLO_RESULT)


async def test_tcp_flag_of_a_request_is_ignored(peer):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(t3_frame(1, t3_payload("hello_world"), flag=255))
        assert await connection.receive_frame() == t3_frame(1, HELLO_RESULT)


async def test_tcp_requests_byte_by_byte_and_many_at_once(peer):
    stream = b"".join(t3_frame(i, t3_payload("echo", encode(i))) for i in range(1, 101))
    replies = b"".join(t3_frame(i, encode(i)) for i in range(1, 101))
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(stream)
        assert await connection.receive(len(replies)) == replies
    async with await TcpConnection.open(peer.tcp_port) as connection:
        for at in range(200):
            await connection.send(stream[at : at + 1])
        await connection.send(stream[200:])
        assert await connection.receive(len(replies)) == replies


async def test_tcp_half_close_after_a_request_is_answered(peer):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(HELLO_T3)
        connection.writer.write_eof()
        assert await connection.ended() == t3_frame(1, HELLO_RESULT)


TCP_CLOSES = {
    "length 0": b"\0\0\0\0",
    "length 1": b"\0\0\0\x01\0",
    "length 4": b"\0\0\0\x04\0\0\0\x01",
    "length 5": t3_frame(1, b""),
    "not MessagePack": t3_frame(1, b"\xc1"),
    "a value cut short": t3_frame(1, b"\x82\xa2fn"),
    "trailing bytes": t3_frame(1, t3_payload("hello_world") + b"\xc0"),
    "a count of four billion": t3_frame(1, b"\xdf\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("name", TCP_CLOSES)
async def test_tcp_closes_without_a_reply(peer, name):
    data = TCP_CLOSES[name]
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(data)
        if len(data) < 9:  # Zero waits for id and flag before it looks at the length
            connection.writer.write_eof()
        assert await connection.ended() == b""


async def test_tcp_frame_cut_short_by_the_end(peer):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(HELLO_T3[:-1])
        connection.writer.write_eof()
        assert await connection.ended() == b""


@pytest.mark.gateway
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL",
        b"\xff\xff\xff\xff\0\0\0\0\0",
    ],
    ids=["HTTP", "TLS", "ZeroMQ", "four gigabytes"],
)
async def test_tcp_closes_where_zero_would_hang(peer, data):
    async with await TcpConnection.open(peer.tcp_port) as connection:
        await connection.send(data)
        assert await connection.ended() == b""


# A body over ZeroMQ behind its 16-byte id, and the result.
CANNOT = error(
    "server_exception", "server cannot process message, check server logs for more details"
)
ZMQ_ANSWERS = {
    "connect, padded": (b"connect".ljust(80), CONNECTED),
    "unknown": (b"nope".ljust(80), error("function_not_found", "Function `nope` not found!")),
    "unpadded": (b"hello_world", HELLO_RESULT),
    "no name": (b"", error("function_not_found", "Function `` not found!")),
    "white space around": (b" \t\r\nhello_world\x0b\x0c\n".ljust(80), HELLO_RESULT),
    "padded with NUL": (
        b"nope".ljust(80, b"\0"),
        error("function_not_found", "Function `nope" + "\0" * 76 + "` not found!"),
    ),
    "name that is not UTF-8": (b"\xff\xfe".ljust(80), CANNOT),
    "argument that is not MessagePack": (b"echo".ljust(80) + b"\xc1", CANNOT),
    "argument cut short": (b"echo".ljust(80) + b"\x92\x01", CANNOT),
    "argument with trailing bytes": (b"echo".ljust(80) + b"\x01\x02", CANNOT),
}


@pytest.mark.parametrize("name", ZMQ_ANSWERS)
async def test_zmq_answer(peer, name):
    body, expected = ZMQ_ANSWERS[name]
    request_id = os.urandom(16)
    async with ZmqConnection(peer.zmq_port) as connection:
        assert await connection.exchange(request_id + body) == [request_id + expected]
        hello = w5_request(request_id, "hello_world")
        assert await connection.exchange(hello) == [request_id + HELLO_RESULT]


async def test_zmq_body_shorter_than_an_id(peer):
    not_found = error("function_not_found", "Function `` not found!")
    async with ZmqConnection(peer.zmq_port) as connection:
        assert await connection.exchange(b"abc") == [b"abc" + not_found]


async def test_zmq_two_clients_with_the_same_request_id(peer):
    request_id = b"0123456789abcdef"
    async with ZmqConnection(peer.zmq_port) as one, ZmqConnection(peer.zmq_port) as two:
        await one.socket.send(w5_request(request_id, "echo", encode("one")))
        await two.socket.send(w5_request(request_id, "echo", encode("two")))
        assert await one.receive() == [request_id + encode("one")]
        assert await two.receive() == [request_id + encode("two")]
