"""Calls a gateway of contract_functions through the client that was generated for it, with whichever
release of zeroapi its interpreter has.

usage: python contract_calls.py FOLDER, which has rpc_client.py

Every call gives back what it was given, as an object of the same class. Prints "fine" at its end. It
uses nothing else of this directory.
"""

import asyncio
import datetime
import decimal
import inspect
import sys
import uuid

sys.path.insert(0, sys.argv[1])
import rpc_client as r

ITEM = r.Item("pen", decimal.Decimal("1.50"), ["blue"], r.Color.blue, 3)
TREE = r.Node(1, [r.Node(2), r.Node(3, [r.Node(4)])])
MOMENT = datetime.datetime(2026, 1, 31, 12, 30, 1, 5, tzinfo=datetime.timezone.utc)
EVERYTHING = r.Everything(
    flag=True,
    tiny=-128,
    small=65_535,
    wide=-(2**63),
    huge=2**64 - 1,
    real=0.1,
    text="tëxt",
    bytes=b"\0\xff",
    list=[1, -2],
    three=(1, 2, 3),
    tuple=(5, "five", False),
    by_name={"a": [ITEM]},
    by_number={-1: r.Point(1, 2.5)},
    color=r.Color.green,
    level=r.Level.high,
    moment=MOMENT,
    day=datetime.date(2026, 1, 31),
    time=datetime.time(23, 59, 59),
    id=uuid.UUID(int=7),
    amount=decimal.Decimal("1E+2"),
    point=None,
    mixed=[ITEM],
    tree=TREE,
)
MOMENTS = (MOMENT, datetime.date.min, datetime.time.min, uuid.UUID(int=1), decimal.Decimal("-0.10"))
SAME = [
    ("everything", EVERYTHING),
    ("parcel", r.Parcel()),
    ("route", r.Route("here", r.Size.from_, ["x"])),
    ("left", r.Left([r.Right([r.Left([])]), r.Right(None)])),
    ("sum", r.Sum("parts")),
    ("moments", MOMENTS),
    ("import_", None),
    ("import_", True),
    ("either", 5),
    ("either", "five"),
    ("either", None),
    ("any", {"a": [1, None]}),
    ("numbers", {1, 2}),
]


async def main():
    client = r.RpcClient(r.zero_client)

    async def call(name, *arguments):
        result = getattr(client, name)(*arguments)
        return await result if inspect.isawaitable(result) else result

    for name, value in SAME:
        answer = await call(name, value)
        assert type(answer) is type(value), f"{name}: {answer!r}"
        assert answer == value, f"{name}: {answer!r}"
    assert await call("list") == [1, 2, 3]
    assert await call("int", [1, 2]) == 2
    assert await call("nothing", "x") is None
    assert await call("hello_world") == "hello from here"
    try:
        await call("sum", {"of": 3})
    except Exception as error:  # zero.error has moved between the releases
        assert type(error).__name__ == "ValidationException", repr(error)
        assert str(error) == "Expected `str`, got `int` - at `$.of`", str(error)
    else:
        raise AssertionError("a wrong argument was taken")

    parcel = r.Parcel()
    assert parcel.list is not r.Parcel().list
    assert parcel == r.Parcel(
        flag=True,
        ratio=2.0,
        text='a "b"\\\né',
        bytes=b"\1z",
        list=[1, 2],
        dict={},
        color=r.Color.green,
        absent=None,
        level=r.Level.low,
        price=decimal.Decimal(5),
        sent=datetime.datetime(1970, 1, 2, tzinfo=datetime.timezone.utc),
        packed=datetime.datetime(1970, 1, 1),
        date=datetime.date(1970, 1, 1),
        time=datetime.time(0),
        id=uuid.UUID(int=0),
        point=r.Point(1, 0.5),
        path=[r.Point(2, 0.25)],
        pair=(7, "seven"),
        set={3, 4},
        either="or",
    )
    lines = inspect.getdoc(r.RpcClient.everything).splitlines()
    assert lines == ['Says "it" again: """C:\\new"""', 'In two lines "'], lines
    print("fine", flush=True)


asyncio.run(main())
