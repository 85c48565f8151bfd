"""Peers of the gateway that are no client of Zero's."""

import asyncio
import contextlib
import socket

import msgspec

from raw import HEADER, TcpConnection, t3_frame, t3_payload
from waiting import PATIENCE_S

MOST_AT_ONCE = 60  # calls
JUNK = b"\xff" * 100  # begins no record of TLS


async def talk_nonsense(port, choose, seconds):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(choose.randbytes(choose.randint(1, 3_000)))
        await asyncio.sleep(seconds)


def forget_tls(port, context):
    """A handshake, then what is no TLS: the gateway ends it. Blocks."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:
        # The TLS socket takes over the other's descriptor.
        with plain.dup() as below, context.wrap_socket(plain, server_hostname="127.0.0.1"):
            below.sendall(JUNK)
            with contextlib.suppress(ConnectionResetError):
                while below.recv(1 << 16):
                    pass


async def close_half(port, choose):
    """Asks for many things at once and says that this was all: each is answered, as its own, and then
    the gateway ends too."""
    name = f"half-{choose.getrandbits(64):x}"
    tokens = {number: f"{name}.{number}" for number in range(choose.randint(1, MOST_AT_ONCE))}
    functions = ("tcp_token", "zmq_token", "tcp_mark", "zmq_nap")
    asked = [
        t3_frame(number, t3_payload(choose.choice(functions), msgspec.msgpack.encode(token)))
        for number, token in tokens.items()
    ]
    async with await TcpConnection.open(port) as connection:
        connection.writer.write(b"".join(asked))
        connection.writer.write_eof()
        answers = await connection.ended()
    while answers:
        length, number, is_error = HEADER.unpack_from(answers)
        payload = answers[HEADER.size : 4 + length]
        token = tokens.pop(number, None)
        assert token, f"an answer to {number}, which was not asked or was answered before"
        assert is_error or msgspec.msgpack.decode(payload) == token, f"{token}: {payload[:60]!r}"
        answers = answers[4 + length :]
    assert not tokens, f"no answers to {list(tokens)} of {len(asked)} calls with half an end behind"
