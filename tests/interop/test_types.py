"""Everything that Zero can send comes back through echo, and as the same bytes."""

import dataclasses
import datetime
import decimal
import enum
import math
import os
import uuid
from typing import Optional, Union

import msgspec
import pytest

from raw import TcpConnection, ZmqConnection, t3_frame, t3_payload, w5_request

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
INTS = sorted(
    sign * (2**bits + step)
    for bits in (0, 5, 7, 8, 15, 16, 31, 32, 53, 62)
    for step in (-1, 0, 1)
    for sign in (-1, 1)
) + [2**63 - 1, -(2**63), 2**63, 2**64 - 1, 0]
STR_LENGTHS = (0, 1, 31, 32, 255, 256, 65_535, 65_536)
BIN_LENGTHS = (0, 1, 255, 256, 65_535, 65_536)
COUNTS = (0, 1, 15, 16, 65_535, 65_536)


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Point:
    x: int
    y: Optional[float] = None


class Address(msgspec.Struct):
    street: str
    number: int = 0


class Person(msgspec.Struct):
    name: str
    born: datetime.date
    home: Address
    points: list[Point] = []


class Tagged(msgspec.Struct, tag="t"):
    value: int


PERSON = Person("Zoë", datetime.date(1999, 12, 31), Address("Weg", 3), [Point(1), Point(2, 0.5)])
NESTED = {"a": [{"b": [[], {}, [None, True, {"c": {"d": [1, -1, "x", 2.5]}}]]}], "": {}}
DEEP = None
for _ in range(100):
    DEEP = [DEEP]

# Values that come back as themselves when no type is asked for.
PLAIN = {
    "booleans": [True, False],
    "ints at every size border": INTS,
    "floats": [0.0, -0.0, 1.5, -2.25, 1e300, 5e-324, 0.1, math.inf, -math.inf],
    "text": ["", "Grüße", "日本語", "🚀" * 9, "a\0b", '"\\\n', "\u202e"],
    "nested": NESTED,
    "deep": DEEP,
    "int keys": {1: "a", -5: "b", 2**40: {7: []}},
    "mixed keys": {"a": 1, 2: "b", 2.5: None, True: 0},
    "ext": msgspec.msgpack.Ext(5, b"\x00\xff\x10"),
    "every byte": bytes(range(256)),
}

# Values that MessagePack knows no type for: what arrives without return_type, and the type.
TYPED = {
    "bytearray": (bytearray(b"\0\xff"), b"\0\xff", bytearray),
    "tuple": ((1, "a", None), [1, "a", None], tuple[int, str, None]),
    "empty tuple": ((), [], tuple),
    "set": ({7}, [7], set),
    "set of str": ({"x"}, ["x"], set[str]),
    "frozenset": (frozenset({7}), [7], frozenset),
    "naive datetime": (
        datetime.datetime(2024, 2, 29, 23, 59, 59, 123456),
        "2024-02-29T23:59:59.123456",
        datetime.datetime,
    ),
    "aware datetime": (
        datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, UTC),
        datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, UTC),
        datetime.datetime,
    ),
    "whole seconds": (
        datetime.datetime(2024, 1, 1, tzinfo=UTC),
        datetime.datetime(2024, 1, 1, tzinfo=UTC),
        datetime.datetime,
    ),
    "before 1970": (
        datetime.datetime(1901, 1, 1, 0, 0, 0, 1, UTC),
        datetime.datetime(1901, 1, 1, 0, 0, 0, 1, UTC),
        datetime.datetime,
    ),
    "year 9999": (
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
        datetime.datetime,
    ),
    "another zone": (
        datetime.datetime(2024, 1, 1, 12, tzinfo=EAST),
        datetime.datetime(2024, 1, 1, 6, 30, tzinfo=UTC),
        datetime.datetime,
    ),
    "date": (datetime.date(2024, 2, 29), "2024-02-29", datetime.date),
    "time": (datetime.time(1, 2, 3, 4), "01:02:03.000004", datetime.time),
    "UUID": (uuid.UUID(int=2**127 + 1), "80000000-0000-0000-0000-000000000001", uuid.UUID),
    "Decimal": (decimal.Decimal("-1234.5600"), "-1234.5600", decimal.Decimal),
    "Enum": (Color.RED, "red", Color),
    "IntEnum": (Level.HIGH, 3, Level),
    "dataclass": (Point(1, 2.5), {"x": 1, "y": 2.5}, Point),
    "Struct": (Address("Weg", 3), {"street": "Weg", "number": 3}, Address),
    "nested Struct": (
        PERSON,
        {
            "name": "Zoë",
            "born": "1999-12-31",
            "home": {"street": "Weg", "number": 3},
            "points": [{"x": 1, "y": None}, {"x": 2, "y": 0.5}],
        },
        Person,
    ),
    "tagged Struct": (Tagged(5), {"type": "t", "value": 5}, Tagged),
    "list of dataclasses": ([Point(1)], [{"x": 1, "y": None}], list[Point]),
    "dict of Structs": (
        {"a": Address("S")},
        {"a": {"street": "S", "number": 0}},
        dict[str, Address],
    ),
    "int keys": ({1: (2, 3)}, {1: [2, 3]}, dict[int, tuple[int, int]]),
    "Optional": ("x", "x", Optional[str]),
    "Union": ([1], [1], Union[int, list[int]]),
    "int as float": (3, 3, float),
}


@pytest.mark.parametrize("name", PLAIN)
async def test_value_comes_back(client, name):
    value = PLAIN[name]
    got = await client.call("echo", value)
    assert got == value
    assert msgspec.msgpack.encode(got) == msgspec.msgpack.encode(value)  # -0.0, True and 1


@pytest.mark.parametrize("name", TYPED)
async def test_type_comes_back(client, name):
    value, plain, return_type = TYPED[name]
    assert await client.call("echo", value) == plain
    got = await client.call("echo", value, return_type=return_type)
    assert got == value
    assert isinstance(got, type(value)) or name == "int as float"


async def test_nan_comes_back(client):
    # msgspec has NaN in MessagePack as the float it is.
    assert math.isnan(await client.call("echo", math.nan))


async def test_none_comes_back(client, peer):
    # Over ZeroMQ None is no body at all, and Zero's server calls the function with "" for it.
    odd = peer.name == "zero" and client.protocol == "zmq"
    assert await client.call("echo", None) == ("" if odd else None)
    assert await client.call("echo", [None]) == [None]


async def test_every_length_of_text(client):
    for length in STR_LENGTHS:
        text = "ä" * (length // 2) + "x" * (length % 2)
        assert len(text.encode()) == length
        assert await client.call("echo", text) == text, length


async def test_every_length_of_bytes(client):
    for length in BIN_LENGTHS:
        data = os.urandom(length)
        assert await client.call("echo", data) == data, length


async def test_every_length_of_lists_and_dicts(client):
    for count in COUNTS:
        assert await client.call("echo", [7] * count) == [7] * count, count
        pairs = {key: None for key in range(count)}
        assert await client.call("echo", pairs) == pairs, count


def encodings():
    """The MessagePack of everything above, one by one."""
    values = [*INTS, None, math.nan, *PLAIN.values(), *(typed[0] for typed in TYPED.values())]
    values += ["x" * length for length in STR_LENGTHS] + [bytes(length) for length in BIN_LENGTHS]
    values += [[0] * count for count in COUNTS]
    return [msgspec.msgpack.encode(value) for value in values]


# The longest forms where a shorter one would do, and what Python cannot hold: only who never
# decodes gives the same bytes back.
NOT_CANONICAL = [
    bytes.fromhex(text)
    for text in (
        "cc01 cd0001 ce00000001 cf0000000000000001 d001 d1ffff d2ffffffff d3ffffffffffffffff "
        "ca3fc00000 ca7fc00000 cb7ff8000000000001 d900 da000161 db0000000161 c50001ff c600000001ff "
        "dc0000 dc0001c0 dd00000000 dd00000001c3 de0000 de0001c0c2 df00000000 df00000001a16101 "
        "82a16101a16102 81c0c0 819080 d401ff d5010203 d60101020304 d7011122334455667788 "
        "d801" + "11" * 16 + " c7000a c8000101ff c90000000101ff"
    )
    .split()
]


async def assert_same_bytes(peer, payloads):
    async with await TcpConnection.open(peer.tcp_port) as tcp:
        for request_id, data in enumerate(payloads, 1):
            await tcp.send(t3_frame(request_id, t3_payload("echo", data)))
            assert await tcp.receive_frame() == t3_frame(request_id, data), data[:40]
    async with ZmqConnection(peer.zmq_port) as zmq:
        for data in payloads:
            request_id = os.urandom(16)
            reply = await zmq.exchange(w5_request(request_id, "echo", data))
            assert reply == [request_id + data], data[:40]


async def test_echo_is_the_same_bytes(peer):
    await assert_same_bytes(peer, encodings())


@pytest.mark.gateway
async def test_echo_is_the_same_bytes_when_they_are_not_the_shortest(peer):
    await assert_same_bytes(peer, NOT_CANONICAL)
