"""Calls functions with whichever release of zeroapi its interpreter has: 0.0.1 to 1.0.1.

usage: python old_client.py PORT sync|async CALLS [PAUSE_MS]

CALLS is a JSON list of [function, argument], PAUSE_MS the pause before each. Prints a line of JSON
for each call: {"result": ...}, or {"error": the exception's class, "text": ...}. It uses nothing
else of this directory.
"""

import asyncio
import inspect
import json
import logging
import sys
import time

import zero

TIMEOUT_MS = 15_000  # the clients' own default is 2,000
# The asynchronous clients of 0.1.0 to 0.3.2 lose their first call with the pyzmq of today: they
# await what is no future, log the TypeError, open a new socket and return None.
ATTEMPTS = 3


def open_client(port, kind):
    parameters = inspect.signature(zero.ZeroClient.__init__).parameters
    options = {"default_timeout": TIMEOUT_MS}
    if "use_async" in parameters:  # 0.0.1 to 0.2.2: one class for both
        client = zero.ZeroClient("127.0.0.1", port, use_async=kind == "async", **options)
        return client, client.call_async if kind == "async" else client.call
    cls = zero.ZeroClient if kind == "sync" else zero.AsyncZeroClient
    client = cls("127.0.0.1", port, **options)
    return client, client.call


async def call_once(call, function, argument):
    try:
        result = call(function, argument)
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:  # whatever the release raises is what is asked for
        return {"error": type(error).__name__, "text": str(error)}
    return {"result": result}


async def main():
    port, kind, calls = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    pause_s = int(sys.argv[4]) / 1_000 if len(sys.argv) > 4 else 0
    _, call = open_client(port, kind)
    for _ in range(ATTEMPTS):
        if (await call_once(call, "hello_world", None)).get("result") is not None:
            break
    for function, argument in calls:
        time.sleep(pause_s)
        # Some releases print on their own, so a line of ours begins in its own way.
        print("call:", json.dumps(await call_once(call, function, argument)), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
