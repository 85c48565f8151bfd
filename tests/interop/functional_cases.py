"""What the functions of functional.cc are called with, and what real clients get.

For clients of 0.9.0 and of 1.0.1: it uses msgspec and the standard library alone.
"""

import dataclasses
import datetime
import decimal
import enum
import typing
import uuid

import msgspec

UTC = datetime.timezone.utc


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class ColorInt(enum.IntEnum):
    RED = 1
    GREEN = 2


@dataclasses.dataclass
class Person:
    name: str
    age: int


class Message(msgspec.Struct):
    msg: str
    start_time: datetime.datetime


NOW = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
MESSAGE = Message("hello world", NOW)
LONG = "Grüße 日本語 🚀 " * 1_000

# The function, its argument, the return_type that is asked for (None: none), and the result.
RESULTS = [
    ("hello_world", "", None, "hello world"),
    ("hello_world", None, None, "hello world"),
    ("echo", "hello", None, "hello"),
    ("echo_bool", True, None, True),
    ("echo_bool", False, bool, False),
    ("echo_int", 42, None, 42),
    ("echo_int", -(2**63), int, -(2**63)),
    ("echo_float", 3.14, None, 3.14),
    ("echo_float", 3, float, 3.0),
    ("echo_str", "hello", str, "hello"),
    ("echo_str", LONG, None, LONG),
    ("echo_bytes", b"hello\x00\xff", None, b"hello\x00\xff"),
    ("echo_bytes", b"x" * 70_000, bytes, b"x" * 70_000),
    ("echo_bytearray", bytearray(b"hello"), None, b"hello"),
    ("echo_bytearray", bytearray(b"hello"), bytearray, bytearray(b"hello")),
    ("echo_tuple", (1, "a"), None, [1, "a"]),
    ("echo_tuple", (1, "a"), tuple, (1, "a")),
    ("echo_tuple", (1, "a"), typing.Tuple[int, str], (1, "a")),
    ("echo_list", [1, 2, 3], None, [1, 2, 3]),
    ("echo_list", [], typing.List[int], []),
    ("echo_dict", {1: "a", -5: "b"}, None, {1: "a", -5: "b"}),
    ("echo_dict", {1: "a"}, typing.Dict[int, str], {1: "a"}),
    ("echo_set", {1, 2, 3}, set, {1, 2, 3}),
    ("echo_set", {1, 2, 3}, typing.Set[int], {1, 2, 3}),
    ("echo_frozenset", frozenset({1, 2, 3}), frozenset, frozenset({1, 2, 3})),
    ("echo_frozenset", frozenset({1, 2}), typing.FrozenSet[int], frozenset({1, 2})),
    ("echo_datetime", NOW, None, NOW.isoformat()),
    ("echo_datetime", NOW, datetime.datetime, NOW),
    ("echo_datetime", NOW.replace(tzinfo=UTC), datetime.datetime, NOW.replace(tzinfo=UTC)),
    ("echo_date", NOW.date(), datetime.date, NOW.date()),
    ("echo_time", NOW.time(), datetime.time, NOW.time()),
    ("echo_uuid", ID, None, str(ID)),
    ("echo_uuid", ID, uuid.UUID, ID),
    ("echo_decimal", decimal.Decimal("10.10"), decimal.Decimal, decimal.Decimal("10.10")),
    ("echo_enum", Color.RED, None, "red"),
    ("echo_enum", Color.RED, Color, Color.RED),
    ("echo_enum_int", ColorInt.GREEN, None, 2),
    ("echo_enum_int", ColorInt.GREEN, ColorInt, ColorInt.GREEN),
    ("echo_dataclass", Person("John", 30), None, {"name": "John", "age": 30}),
    ("echo_dataclass", Person("John", 30), Person, Person("John", 30)),
    ("echo_dataclass", {"age": 30, "name": "John", "more": []}, Person, Person("John", 30)),
    ("echo_msgspec_struct", MESSAGE, Message, MESSAGE),
    ("echo_union", 1, None, 1),
    ("echo_union", "a", typing.Union[str, int], "a"),
    ("echo_optional", None, None, 0),
    ("echo_optional", 1, typing.Optional[int], 1),
    ("echo_any", {"a": [1, 2.5, None, {"b": b"c"}]}, None, {"a": [1, 2.5, None, {"b": b"c"}]}),
    ("sum_list", [1, 2, 3], None, 6),
    ("divide", (534, 11), None, 48),
    ("divide", [-7, 2], int, -3),
    ("hello_at", NOW, Message, MESSAGE),
    ("nothing", None, None, None),
    ("sleep", 1, None, "slept for 1 msecs"),
    ("work", 7, None, "worked on 7"),
]

# The function, its argument, the exception's class, and its text.
ERRORS = [
    ("necho", "hello", "MethodNotFoundException", "Function `necho` not found!"),
    ("error", "it failed", "RemoteException", "RuntimeError('it failed')"),
    ("error", "it's", "RemoteException", "RuntimeError(\"it's\")"),
    ("divide", (1, 0), "RemoteException", "RuntimeError('division by zero')"),
    ("work", -1, "RemoteException", "RuntimeError('a negative number')"),
    ("echo_bool", 1, "ValidationException", "Expected `bool`, got `int`"),
    ("echo_int", "1", "ValidationException", "Expected `int`, got `str`"),
    ("echo_str", b"a", "ValidationException", "Expected `str`, got `bytes`"),
    ("echo_bytes", "a", "ValidationException", "Expected `bytes`, got `str`"),
    ("echo_tuple", (1,), "ValidationException", "Expected `array` of length 2, got 1"),
    ("echo_list", [1, "a"], "ValidationException", "Expected `int`, got `str` - at `$[1]`"),
    ("echo_dict", {"a": "b"}, "ValidationException",
     "Expected `int`, got `str` - at `key` in `$`"),
    ("echo_dict", {1: 2}, "ValidationException", "Expected `str`, got `int` - at `$[...]`"),
    ("echo_set", {"a"}, "ValidationException", "Expected `int`, got `str` - at `$[0]`"),
    ("echo_frozenset", 1, "ValidationException", "Expected `array`, got `int`"),
    ("echo_datetime", "today", "ValidationException", "Invalid RFC3339 encoded datetime"),
    ("echo_uuid", "x", "ValidationException", "Invalid UUID"),
    ("echo_decimal", "x", "ValidationException", "Invalid decimal string"),
    ("echo_enum", "blue", "ValidationException", "Invalid enum value 'blue'"),
    ("echo_enum_int", 3, "ValidationException", "Invalid enum value 3"),
    ("echo_dataclass", {"name": "John"}, "ValidationException",
     "Object missing required field `age`"),
    ("echo_union", 1.5, "ValidationException", "Expected `int | str`, got `float`"),
    ("echo_optional", "a", "ValidationException", "Expected `int | null`, got `str`"),
    ("sum_list", 3, "ValidationException", "Expected `array`, got `int`"),
]


def differs(got, wanted):
    """What is wrong with a result; empty when nothing is."""
    same = got == wanted and type(got) is type(wanted)
    return "" if same else f"{got!r} in place of {wanted!r}"
