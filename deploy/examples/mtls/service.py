"""An existing Zero service. Nothing in it knows of a gateway or of TLS.

usage: service.py PORT
"""

import sys

from zero import ZeroServer
from zero.protocols.tcp import TCPServer


def secret_recipe(ingredient: str) -> str:
    return f"a pinch of {ingredient}"


if __name__ == "__main__":
    server = ZeroServer("127.0.0.1", int(sys.argv[1]), protocol=TCPServer)
    server.register_rpc(secret_recipe)
    server.run(workers=1)
