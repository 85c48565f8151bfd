"""Another existing client of the shop, an asynchronous one. `protocol=` is what moves it to TCP.

usage: async_client.py zmq|tcp HOST PORT
"""

import asyncio
import sys

from zero import AsyncZeroClient
from zero.protocols.tcp import AsyncTCPClient

import shopping


async def main():
    protocol, host, port = sys.argv[1:]
    if protocol == "tcp":
        shop = AsyncZeroClient(host, int(port), protocol=AsyncTCPClient)
    else:
        shop = AsyncZeroClient(host, int(port))
    answers = [await shop.call(call.function, call.argument) for call in shopping.CALLS]
    shopping.report(protocol, list(zip(shopping.CALLS, answers)))


asyncio.run(main())
