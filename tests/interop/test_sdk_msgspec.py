"""core/sdk against msgspec itself: the same verdict, text and bytes for the same type and message.

Messages are made of values that fit the type, most of which are then changed: a value in them is replaced,
left out or added, or the bytes are cut or overwritten. What is allowed to differ is in allowed() below and
in docs/functions-types.md.
"""

import decimal
import enum
import os
import random
import subprocess
import uuid
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Optional, Union

import msgspec
from msgspec import Meta, Struct

SEED = 20
PAIRS = 10_000
VERDICTS = Path(os.environ["ZEROGATE_BIN"]).resolve().parent / "sdk_verdicts"


class Color(enum.Enum):
    red = "red"
    green = "green"
    blue = "blue"


class Level(enum.IntEnum):
    low = -300
    middle = 1
    high = 70_000


INTS = {
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (None, 2**63 - 1),
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, None),
}
Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64 = (
    Annotated[int, Meta(ge=low, le=high)] for low, high in INTS.values()
)


class Point(Struct):
    x: Int32
    y: float


class Item(Struct):
    name: str
    price: decimal.Decimal
    tags: list[str] = []
    color: Optional[Color] = None
    count: UInt8 = 1


class Node(Struct):
    value: Int64
    children: "list[Node]" = []


Mixed = Union[None, Int64, float, str, list[Item], dict[str, Point]]


class Everything(Struct):
    flag: bool
    tiny: Int8
    small: UInt16
    wide: Int64
    huge: UInt64
    real: float
    text: str
    bytes: bytes
    list: list[Int32]
    three: tuple[Int32, Int32, Int32]
    tuple: tuple[Int64, str, bool]
    by_name: dict[str, list[Item]]
    by_number: dict[Int64, Point]
    color: Color
    level: Level
    moment: datetime
    day: date
    time: time
    id: uuid.UUID
    amount: decimal.Decimal
    point: Optional[Point]
    mixed: Mixed
    tree: Optional[Node] = None
    list_with_default: list[Mixed] = []



class Maker:
    """Values as an encoder would be given them, so that any part of them can be replaced."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def one_of(self, *makers):
        return self.random.choice(makers)()

    def some(self, maker, most=4):
        return [maker() for _ in range(self.random.randint(0, most))]

    def none(self):
        return None

    def bool(self):
        return self.random.random() < 0.5

    def int(self, low=None, high=None):
        low, high = -(2**63) if low is None else low, 2**64 - 1 if high is None else high
        near = [v + d for v in (0, low, high, 2**31, 2**32, -(2**31), 127, -32, 255) for d in (-1, 0, 1)]
        value = self.random.choice(near) if self.bool() else self.random.randint(low, high)
        return max(low, min(high, value))

    def int32(self):
        return self.int(*INTS["int32"])

    def int64(self):
        return self.int(*INTS["int64"])

    def float(self):
        return self.random.choice(
            [0.0, -0.0, 1.5, 1e22, 1e16, 9999999999999998.0, 1e15, 5e-324, 1e-4, 1e-5, float("inf"), float("-inf"),
             float("nan"), self.random.uniform(-1e6, 1e6), self.random.uniform(-1, 1) * 10.0 ** self.random.randint(-30, 30), 3]
        )  # fmt: skip

    def str(self):
        letters = "abcxyzé日\U0001f600 '\"\\\n\x00"
        return "".join(self.random.choices(letters, k=self.random.choice([0, 1, 3, 8, 31, 32, 300])))

    def bytes(self):
        return self.random.randbytes(self.random.choice([0, 1, 16, 255, 256]))

    def color(self):
        return self.random.choice(list(Color)).value

    def level(self):
        return self.random.choice(list(Level)).value

    def offset(self):
        minutes = self.random.randint(-1439, 1439)
        sign, minutes = "-" if minutes < 0 else "+", abs(minutes)
        between = self.random.choice([":", ""])
        return self.random.choice(["", "Z", "z", f"{sign}{minutes // 60:02}{between}{minutes % 60:02}"])

    def time(self):
        point = "".join(self.random.choices("0123456789", k=self.random.randint(1, 9)))
        clock = f"{self.random.randint(0, 24):02}:{self.random.randint(0, 59):02}:{self.random.choice([0, 30, 59, 60]):02}"
        return clock + self.random.choice(["", "." + point, ".9999999"]) + self.offset()

    def date(self):
        day = f"{self.random.randint(1, 12):02}-{self.random.randint(1, 31):02}"
        return f"{self.random.choice([0, 1, 1900, 1970, 2000, 2024, 2026, 9999]):04}-{day}"

    def timestamp(self):
        seconds = self.random.choice([0, -1, 2**32, 2**34, 253402300799, -62135596800, self.random.randint(-(10**12), 10**12)])
        nanos = self.random.choice([0, 1000, 500, 1500, 2500, 999_999_499, 999_999_500, 10**9, self.random.randint(0, 10**9 - 1)])
        return msgspec.msgpack.Ext(-1, self.random.choice([
            nanos.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True),
            (min(nanos, 2**30 - 1) << 34 | abs(seconds) % 2**34).to_bytes(8, "big"),
            (abs(seconds) % 2**32).to_bytes(4, "big"),
            self.bytes(),
        ]))  # fmt: skip

    def datetime(self):
        if self.random.random() < 0.3:
            return self.timestamp()
        return self.date() + self.random.choice("TTTTt _") + self.time()

    def uuid(self):
        value = uuid.UUID(int=self.random.getrandbits(128))
        return self.random.choice([str(value), str(value).upper(), value.hex, value.bytes])

    def decimal(self):
        digits = "".join(self.random.choices("0123456789", k=self.random.randint(1, 30)))
        front = self.random.choice(["", "-", "+", " "]) + digits[: self.random.randint(0, len(digits))]
        text = front + self.random.choice(["", ".", "." + digits]) + self.random.choice(["", "", f"e{self.int(-40, 40)}", "E+7"])
        return self.random.choice(
            [text, text, text, self.int(), self.float(), "NaN", "-inf", "sNaN012", "1_0", "1e", "1E-400", digits]
        )

    def dict(self, key, value, most=4):
        pairs = [(key(), value()) for _ in range(self.random.randint(0, most))]
        return dict(sorted(dict(pairs).items(), key=self.order))

    @staticmethod
    def order(pair):  # std::map's, so that the bytes that come back are equal
        key = pair[0]
        return key.encode() if isinstance(key, str) else key

    def point(self):
        return {"x": self.int32(), "y": self.float()}

    def item(self):
        item = {"name": self.str(), "price": self.decimal(), "tags": self.some(self.str),
                "color": self.one_of(self.none, self.color), "count": self.int(0, 255)}  # fmt: skip
        for key in ("tags", "color", "count"):
            if self.random.random() < 0.3:
                del item[key]
        return item

    def node(self, depth=3):
        children = self.some(lambda: self.node(depth - 1), 2) if depth else []
        return {"value": self.int64(), "children": children}

    def mixed(self):
        return self.one_of(self.none, self.int64, self.float, self.str, lambda: self.some(self.item, 2),
                           lambda: self.dict(self.str, self.point, 2))  # fmt: skip

    def everything(self):
        return {
            "flag": self.bool(), "tiny": self.int(-128, 127), "small": self.int(0, 2**16 - 1), "wide": self.int64(),
            "huge": self.int(0), "real": self.float(), "text": self.str(), "bytes": self.bytes(),
            "list": self.some(self.int32), "three": [self.int32() for _ in range(3)],
            "tuple": [self.int64(), self.str(), self.bool()],
            "by_name": self.dict(self.str, lambda: self.some(self.item, 2), 2), "by_number": self.dict(self.int64, self.point, 2),
            "color": self.color(), "level": self.level(), "moment": self.valid(datetime, self.datetime),
            "day": self.valid(date, self.date), "time": self.valid(time, self.time), "id": self.uuid(),
            "amount": self.valid(decimal.Decimal, self.decimal), "point": self.one_of(self.none, self.point),
            "mixed": self.mixed(), "tree": self.one_of(self.none, self.node), "list_with_default": self.some(self.mixed, 3),
        }  # fmt: skip

    @staticmethod
    def valid(type_, maker):
        while True:
            value = maker()
            try:
                return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type_) and value
            except (ValueError, OverflowError):
                pass

    def anything(self):
        return self.one_of(self.none, self.bool, self.int, self.float, self.str, self.bytes, self.color, self.uuid,
                           self.datetime, self.timestamp, self.decimal, lambda: msgspec.msgpack.Ext(5, b"x"),
                           lambda: self.some(self.int, 2), lambda: self.dict(self.str, self.int, 2), self.point)  # fmt: skip

    def changed(self, value):
        """The value with one part replaced, left out or added."""
        parts = len(value) if isinstance(value, (list, dict)) else 0
        if parts == 0 or self.random.random() < 0.15:
            return self.anything()
        if isinstance(value, list):
            at = self.random.randrange(parts)
            if self.random.random() < 0.15:
                return value[:at] + value[at + 1 :] if self.bool() else value[:at] + [self.anything()] + value[at:]
            return value[:at] + [self.changed(value[at])] + value[at + 1 :]
        key = self.random.choice(list(value))
        choice = self.random.random()
        if choice < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if choice < 0.3:
            new = self.anything()
            other = new if isinstance(new, (str, int, float, bytes, type(None))) else self.str()
            return dict([(other, self.anything()), *value.items()])
        return {k: self.changed(v) if k == key else v for k, v in value.items()}

    def broken(self, message: bytes) -> bytes:
        at = self.random.randrange(len(message))
        if self.bool():
            return message[:at]
        return message[:at] + self.random.randbytes(1) + message[at + 1 :]


def types(make: Maker) -> dict:
    """Each type by the name that sdk_verdicts has for it: in Python, spelled, and a maker of values."""
    of = {
        "none": (None, "None", make.none),
        "bool": (bool, "bool", make.bool),
        "float": (float, "float", make.float),
        "str": (str, "str", make.str),
        "bytes": (bytes, "bytes", make.bytes),
        "bytearray": (bytearray, "bytes", make.bytes),
        "any": (Any, "Any", make.anything),
        "color": (Color, "Color", make.color),
        "level": (Level, "Level", make.level),
        "datetime": (datetime, "datetime.datetime", make.datetime),
        "date": (date, "datetime.date", make.date),
        "time": (time, "datetime.time", make.time),
        "uuid": (uuid.UUID, "uuid.UUID", make.uuid),
        "decimal": (decimal.Decimal, "decimal.Decimal", make.decimal),
        "list_bool": (list[bool], "list[bool]", lambda: make.some(make.bool)),
        "list_list_int32": (list[list[Int32]], "list[list[int]]", lambda: make.some(lambda: make.some(make.int32))),
        "encoded_list_str": (list[str], "list[str]", lambda: make.some(make.str)),
        "tuple_int_str": (tuple[Int64, str], "tuple[int, str]", lambda: [make.int64(), make.str()]),
        "tuple_two_floats": (tuple[float, float], "tuple[float, float]", lambda: [make.float(), make.float()]),
        "pair": (
            tuple[uuid.UUID, list[date]],
            "tuple[uuid.UUID, list[datetime.date]]",
            lambda: [make.uuid(), make.some(make.date)],
        ),
        "set_int32": (set[Int32], "set[int]", lambda: make.some(make.int32, 1)),
        "frozenset_int32": (frozenset[Int32], "set[int]", lambda: make.some(make.int32, 1)),
        "set_str": (set[str], "set[str]", lambda: make.some(make.str, 1)),
        "dict_str_int": (dict[str, Int64], "dict[str, int]", lambda: make.dict(make.str, make.int64)),
        "dict_int_str": (dict[Int64, str], "dict[int, str]", lambda: make.dict(make.int64, make.str, 1)),
        "dict_tuple_list": (
            dict[tuple[Int32, str], list[bool]],
            "dict[tuple[int, str], list[bool]]",
            lambda: make.dict(lambda: (make.int32(), "x"), lambda: make.some(make.bool)),
        ),
        "dict_color_dict": (
            dict[Color, dict[Level, float]],
            "dict[Color, dict[Level, float]]",
            lambda: make.dict(make.color, lambda: make.dict(make.level, make.float), 1),
        ),
        "dict_uuid_date": (
            dict[uuid.UUID, Optional[date]],
            "dict[uuid.UUID, datetime.date | None]",
            lambda: make.dict(make.uuid, lambda: make.one_of(make.none, make.date), 1),
        ),
        "optional_int32": (Optional[Int32], "int | None", lambda: make.one_of(make.none, make.int32)),
        "optional_datetime": (
            Optional[datetime],
            "datetime.datetime | None",
            lambda: make.one_of(make.none, make.datetime),
        ),
        "float_or_str": (Union[float, str], "float | str", lambda: make.one_of(make.float, make.int, make.str)),
        "level_or_float_or_bool": (
            Union[Level, float, bool],
            "Level | float | bool",
            lambda: make.one_of(make.level, make.float, make.bool),
        ),
        "decimal_or_int_or_none": (
            Union[decimal.Decimal, Int64, None],
            "decimal.Decimal | int | None",
            lambda: make.one_of(make.decimal, make.int64, make.none),
        ),
        "uuid_or_point_or_list": (
            Union[uuid.UUID, Point, list[Int64]],
            "uuid.UUID | Point | list[int]",
            lambda: make.one_of(make.uuid, make.point, lambda: make.some(make.int64)),
        ),
        "int_or_datetime": (
            Union[Int64, datetime],
            "int | datetime.datetime",
            lambda: make.one_of(make.int64, make.datetime),
        ),
        "mixed": (Mixed, "int | float | str | list[Item] | dict[str, Point] | None", make.mixed),
        "point": (Point, "Point", make.point),
        "item": (Item, "Item", make.item),
        "node": (Node, "Node", make.node),
        "list_item": (list[Item], "list[Item]", lambda: make.some(make.item)),
        "everything": (Everything, "Everything", make.everything),
    }
    for name, (low, high) in INTS.items():
        of[name] = (Annotated[int, Meta(ge=low, le=high)], "int", lambda low=low, high=high: make.int(low, high))
    return of


def ask(lines: list[str]) -> list[tuple[str, bytes]]:
    done = subprocess.run([VERDICTS], input="\n".join(lines), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answers = [line.split(" ") for line in done.stdout.splitlines()]
    return [(verdict, bytes.fromhex(text)) for verdict, text in answers]


def judge(type_, message: bytes) -> tuple[str, bytes]:
    """msgspec's verdict, as sdk_verdicts has its own."""
    try:
        return "ok", msgspec.msgpack.encode(msgspec.msgpack.decode(message, type=type_))
    except UnicodeDecodeError:
        return "error", b"Invalid UTF-8 in `str`"
    except (msgspec.MsgspecError, OverflowError, ValueError) as error:
        kind = isinstance(error, msgspec.MsgspecError)
        return "error", (str(error) if kind else "another error").encode()


def allowed(name: str, message: bytes, theirs: tuple[str, bytes], ours: tuple[str, bytes]) -> bool:
    """The differences that docs/functions-types.md lists."""
    if theirs[0] == ours[0] == "error":
        if theirs[1] == b"Invalid UTF-8 in `str`":  # we say where
            return ours[1].startswith(theirs[1])
        return theirs[1] == b"another error"  # a date that Python cannot have: no ValidationError
    if name == "any":  # Raw is kept as it came, and is not looked into
        return ours == ("ok", message) or theirs[0] == ours[0] == "error"
    has_dict_or_set = name.startswith(("dict_", "set_", "frozenset_")) or name in ("mixed", "everything")
    return has_dict_or_set and theirs[0] == ours[0] == "ok" and sorted(theirs[1]) == sorted(ours[1])  # other order


def test_verdicts_texts_and_bytes_are_those_of_msgspec():
    make = Maker(SEED)
    known = types(make)
    names = [make.random.choice([*known, "everything", "item", "mixed"]) for _ in range(PAIRS)]
    messages = []
    for name in names:
        value = known[name][2]()
        for _ in range(make.random.choice([0, 1, 1, 1, 2])):
            value = make.changed(value)
        message = msgspec.msgpack.encode(value)
        messages.append(make.broken(message) if make.random.random() < 0.05 else message)
    answers = ask([f"{name} {message.hex()}" for name, message in zip(names, messages)])

    verdicts = {"ok": 0, "error": 0}
    different = []
    for name, message, ours in zip(names, messages, answers, strict=True):
        theirs = judge(known[name][0], message)
        verdicts[theirs[0]] += 1
        if ours != theirs and not allowed(name, message, theirs, ours):
            different.append(f"{name} {message.hex()}\n  msgspec {theirs}\n  ours    {ours}")
    assert not different, f"{len(different)} of {PAIRS} differ\n" + "\n".join(different[:20])
    assert min(verdicts.values()) > PAIRS // 5, "both kinds of verdict are tried"


def test_types_are_spelled_as_in_python():
    known = types(Maker(SEED))
    assert ask(list(known)) == [("ok", spelling.encode()) for _, spelling, _ in known.values()]
