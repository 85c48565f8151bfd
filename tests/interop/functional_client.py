"""Makes every call of functional_cases.py with the release of zeroapi that its interpreter has.

usage: python functional_client.py PORT sync|async

Prints what has gone wrong, a line each, and at the end how many calls were made.
"""

import asyncio
import inspect
import logging
import sys

import functional_cases as cases
import zero
import zero.error

TIMEOUT_MS = 15_000  # the clients' own default is 2,000


async def main(port, kind):
    cls = zero.ZeroClient if kind == "sync" else zero.AsyncZeroClient
    client = cls("127.0.0.1", port, default_timeout=TIMEOUT_MS)

    async def call(*arguments, **options):
        result = client.call(*arguments, **options)
        return await result if inspect.isawaitable(result) else result

    for function, argument, return_type, wanted in cases.RESULTS:
        try:
            got = await call(function, argument, return_type=return_type)
        except Exception as error:
            got = error
        if wrong := cases.differs(got, wanted):
            print(f"{function} {return_type}: {wrong}")
    for function, argument, name, text in cases.ERRORS:
        try:
            got = await call(function, argument)
        except Exception as error:
            got = error
        if not isinstance(got, getattr(zero.error, name)) or text not in str(got):
            print(f"{function} {argument!r}: {got!r} in place of {name}: {text}")
    try:
        await call("sleep", 2_000, timeout=50)
        print("a call that is late has returned")
    except zero.error.TimeoutException:
        pass
    if await call("echo", "still there") != "still there":
        print("the call after a late one has another's answer")
    print(f"made {len(cases.RESULTS) + len(cases.ERRORS)} calls")


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
