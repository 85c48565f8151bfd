"""What every client of the shop asks, and the answers that are right."""

import json
from typing import Any, NamedTuple


class Call(NamedTuple):
    function: str
    argument: Any
    right: Any


CALLS = [
    Call("price", "apple", 40),
    Call("price", "melon", 320),
    Call("total", ["apple", "pear"], 95),
    Call("total", ["melon"] * 100, 32_000),
    Call("total", [], 0),
] * 4


def report(protocol, answered):
    """One line of JSON for whoever started the client."""
    wrong = [[call.function, answer] for call, answer in answered if answer != call.right]
    print(json.dumps({"spoke": protocol, "calls": len(answered), "wrong": wrong}))
