"""Asks the shop itself for the protocol that it speaks, and prints the answer as JSON.

usage: ask.py zmq|tcp HOST PORT
"""

import asyncio
import json
import sys

from zero import AsyncZeroClient
from zero.protocols.tcp import AsyncTCPClient
from zero.protocols.zeromq import AsyncZMQClient

PROTOCOLS = {"zmq": AsyncZMQClient, "tcp": AsyncTCPClient}


async def main():
    protocol, host, port = sys.argv[1:]
    shop = AsyncZeroClient(host, int(port), default_timeout=2_000, protocol=PROTOCOLS[protocol])
    print(json.dumps(await shop.call("speaks", None)))


asyncio.run(main())
