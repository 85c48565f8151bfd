"""The bridge that a user of Zero would write by hand: a Zero server over ZeroMQ whose functions
call the real service with AsyncTCPClient. tests/bench/bridge measures it beside Zerogate.

usage: python_bridge.py PORT BACKEND_PORT WORKERS"""

import sys

from zero import AsyncZeroClient, ZeroServer
from zero.protocols.tcp import AsyncTCPClient

PORT, BACKEND_PORT, WORKERS = (int(word) for word in sys.argv[1:4])

# Opens its connections at the first call: each worker process has its own.
backend = AsyncZeroClient("127.0.0.1", BACKEND_PORT, protocol=AsyncTCPClient)


async def hello_world() -> str:
    return await backend.call("hello_world", None)


async def echo(msg: dict) -> dict:
    return await backend.call("echo", msg)


if __name__ == "__main__":
    server = ZeroServer("127.0.0.1", PORT)
    server.register_rpc(hello_world)
    server.register_rpc(echo)
    server.run(workers=WORKERS)
