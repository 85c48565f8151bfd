"""The real Zero server of the comparison, with the two functions of Zero's own benchmark.

usage: zero_server.py tcp|zmq PORT sync|async WORKERS REDIS_URL"""

import sys

import redis
import redis.asyncio
from zero import ZeroServer
from zero.protocols.tcp import TCPServer
from zero.protocols.zeromq import ZMQServer

import orders

PROTOCOL, PORT, KIND, WORKERS, REDIS_URL = sys.argv[1:6]


class Redis:
    """One client for each worker process, made at its first call."""

    def __init__(self, module):
        self._module, self._client = module, None

    def __call__(self):
        if self._client is None:
            self._client = self._module.Redis.from_url(REDIS_URL)
        return self._client


def request_of(msg):
    return orders.SaveOrder(user_id=msg["user_id"], items=msg["items"])


if KIND == "sync":
    client = Redis(redis)

    def hello_world() -> str:
        return "hello world"

    def save_order(msg: dict) -> dict:
        return orders.save(client(), request_of(msg))

else:
    client = Redis(redis.asyncio)

    async def hello_world() -> str:
        return "hello world"

    async def save_order(msg: dict) -> dict:
        order = orders.new_order(request_of(msg))
        await client().set(order.id, orders.encode(order))
        return orders.receipt(order)


if __name__ == "__main__":
    protocol = {"tcp": TCPServer, "zmq": ZMQServer}[PROTOCOL]
    server = ZeroServer("127.0.0.1", int(PORT), protocol=protocol)
    server.register_rpc(hello_world)
    server.register_rpc(save_order)
    server.run(workers=int(WORKERS))
