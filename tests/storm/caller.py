"""A client process of the storm: calls with whichever release of zeroapi its interpreter has.

usage: python caller.py tcp|zmq sync|async PORT NAME

Calls until it gets SIGTERM, ends the calls under way and prints one line of JSON:
  ok        answered calls, by function
  errors    raised or returned errors, by class
  wrong     answers that belong to no call or another's, or deny what was saved, as text
  late      calls that nothing was heard of within the client's own patience
  marked    tokens of `mark` that were answered
  orders    those that save_order answered: the token of each id
Every argument is a token that comes once, and its answer has to be the same token. An order is for a
user whose name is the token; get_order asks for the last one saved, and has to find it.
"""

import asyncio
import collections
import inspect
import itertools
import json
import logging
import random
import signal
import sys

import zero

PATIENCE_MS = 20_000  # far above every time-out in the gateway's configuration
PARALLEL = 6
FUNCTIONS = [
    f"{protocol}_{function}"
    for protocol in ("tcp", "zmq")
    for function in ("token", "token", "token", "mark", "nap", "doze")
] + ["save_order", "get_order"]
LENGTHS = (0, 0, 10, 300, 20_000)  # of what follows a token


class Tally:
    def __init__(self):
        self.ok = collections.Counter()
        self.errors = collections.Counter()
        self.wrong = []
        self.late = []
        self.marked = []
        self.orders = {}

    def answer(self, function, token, result):
        if result == token:
            self.ok[function] += 1
            if function.endswith("_mark"):
                self.marked.append(token)
        elif isinstance(result, dict):  # how releases before 0.6.0 tell an error
            self.deny(function, token, str(result))
            self.errors["dict"] += 1
        elif result is None:  # and those that lost the connection
            self.errors["None"] += 1
        else:
            self.wrong.append(f"{function}({token}) -> {result!r}")

    def error(self, function, token, error):
        self.deny(function, token, str(error))
        name = type(error).__name__
        if "Timeout" in name:
            self.late.append(f"{function}({token}): {error}")
        self.errors[name] += 1

    def deny(self, function, token, text):
        """Every function there is, and so is every order that was answered."""
        if "not found" in text:
            self.wrong.append(f"{function}({token[:60]}): {text}")

    def json(self):
        return json.dumps(vars(self))


def open_client(protocol, kind, port):
    options = {"default_timeout": PATIENCE_MS}
    if protocol == "tcp":
        from zero.protocols.tcp import AsyncTCPClient

        options |= {"protocol": AsyncTCPClient, "pool_size": PARALLEL}
    cls = zero.ZeroClient if kind == "sync" else zero.AsyncZeroClient
    return cls("127.0.0.1", port, **options)


async def call(client, function, argument):
    result = client.call(function, argument)
    if inspect.isawaitable(result):
        return await result
    await asyncio.sleep(0)  # the stop's turn
    return result


async def save(client, tally, token):
    receipt = await call(client, "save_order", {"user_id": token, "items": [token]})
    if not isinstance(receipt, dict) or "order_id" not in receipt:
        return receipt
    tally.orders[receipt["order_id"]] = token
    return receipt["items"][0]


async def get(client, order_id):
    order = await call(client, "get_order", order_id)
    return order["created_by"] if isinstance(order, dict) and "id" in order else order


async def call_on(client, tally, name, numbers, stop):
    choose = random.Random(name)
    while not stop.is_set():
        function = choose.choice(FUNCTIONS)
        token = f"{name}.{next(numbers)}."
        try:
            if function == "save_order":
                result = await save(client, tally, token)
            elif function == "get_order":
                if not tally.orders:
                    continue
                order_id, token = next(reversed(tally.orders.items()))
                result = await get(client, order_id)
            else:
                token += "x" * choose.choice(LENGTHS)
                result = await call(client, function, token)
            tally.answer(function, token, result)
        except Exception as error:  # whatever the release raises
            tally.error(function, token[:60], error)
            await asyncio.sleep(0.02)


async def main():
    protocol, kind, port, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tally, numbers = Tally(), itertools.count()
    client = open_client(protocol, kind, port)
    callers = 1 if kind == "sync" else PARALLEL
    await asyncio.gather(
        *(call_on(client, tally, f"{name}/{n}", numbers, stop) for n in range(callers))
    )
    print(tally.json(), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
