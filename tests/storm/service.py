"""A real Zero server whose functions tell the storm what was executed.

usage: python service.py tcp|zmq PORT JOURNAL

Runs with whichever release of zeroapi its interpreter has. Every call of `mark` adds its argument,
a token that comes once, as a line to JOURNAL.
"""

import asyncio
import os
import sys
import time

from zero import ZeroServer

WORKERS = 2
NAP_S = 0.02
PROTOCOL, PORT, JOURNAL = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def hello_world() -> str:
    return "hello world"


def token(msg: str) -> str:
    return msg


def mark(msg: str) -> str:
    # One write, whichever process it comes from. A killed process may leave half a line: the next one
    # begins anew.
    journal = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(journal, b"\n" + msg.encode() + b"\n")
    os.close(journal)
    return msg


def nap(msg: str) -> str:
    time.sleep(NAP_S)
    return msg


async def doze(msg: str) -> str:
    await asyncio.sleep(NAP_S)
    return msg


def main():
    options = {}
    if PROTOCOL == "tcp":
        from zero.protocols.tcp import TCPServer

        options["protocol"] = TCPServer
    server = ZeroServer("127.0.0.1", PORT, **options)
    for function in (token, mark, nap, doze):
        function.__name__ = f"{PROTOCOL}_{function.__name__}"
        server.register_rpc(function)
    server.register_rpc(hello_world)  # asked to see whether it is up
    server.run(WORKERS)


if __name__ == "__main__":
    main()
