"""An existing Zero service, a small shop. Nothing in it knows of a gateway.

usage: service.py zmq|tcp PORT
"""

import os
import sys

from zero import ZeroServer
from zero.protocols.tcp import TCPServer
from zero.protocols.zeromq import ZMQServer

PRICES = {"apple": 40, "pear": 55, "melon": 320}  # cents
PROTOCOLS = {"zmq": ZMQServer, "tcp": TCPServer}


def price(item: str) -> int:
    return PRICES[item]


def total(items: list) -> int:
    return sum(PRICES[item] for item in items)


def speaks() -> str:
    """The protocol that this process was started with."""
    return sys.argv[1]


def main():
    protocol, port = sys.argv[1:]
    host = os.environ.get("SHOP_HOST", "127.0.0.1")
    server = ZeroServer(host, int(port), protocol=PROTOCOLS[protocol])
    for function in (price, total, speaks):
        server.register_rpc(function)
    server.run(workers=2)


if __name__ == "__main__":
    main()
