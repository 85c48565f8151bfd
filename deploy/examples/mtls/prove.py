"""client -> gateway -> (mutual TLS) -> gateway -> service, and what it proves.

usage: prove.py FOLDER     with the files that ./certificates has made
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from zero import AsyncZeroClient, ZeroClient
from zero.protocols.tcp import AsyncTCPClient

HERE = os.path.dirname(os.path.abspath(__file__))
GATEWAY = os.environ["ZEROGATE_BIN"]
PATIENCE_S = 60
CALLS = 20
FUNCTION, INGREDIENT = "secret_recipe", "saffron"
ANSWER = f"a pinch of {INGREDIENT}"


def free_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.02)


def listens(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


class Capture:
    """Passes connections on to a port, and keeps every byte of both directions."""

    def __init__(self, to):
        self.seen = bytearray()
        self._to = to
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self._server.accept()
            far = socket.create_connection(("127.0.0.1", self._to))
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source, to):
        try:
            while data := source.recv(1 << 16):
                self.seen += data
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            to.close()


class Gateway:
    def __init__(self, folder, name, config):
        self.name, self.lines = name, []
        self.admin = free_port()
        file = os.path.join(folder, name + ".yaml")
        with open(file, "w", encoding="utf-8") as written:
            json.dump({**config, "admin": f"127.0.0.1:{self.admin}"}, written)  # JSON is YAML
        subprocess.run([GATEWAY, "check", "--config", file], check=True, stdout=subprocess.DEVNULL)
        command = [GATEWAY, "serve", "--config", file]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: self.get("/readyz") == 200, f"{name} is ready")

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5) as page:
                return page.status
        except OSError:
            return 0

    def line_with(self, *words):
        """The first line of the log with all of these."""
        found = lambda: [line for line in list(self.lines) if all(word in line for word in words)]
        wait_until(found, f"{self.name} logs {words}; its log:\n" + "\n".join(self.lines))
        return found()[0]


def beside_the_service(folder, port, service_port):
    return {
        "listen": {"tcp": None, "zmq": None, "tls": f"127.0.0.1:{port}"},
        "tls": {
            "cert": f"{folder}/server.crt",
            "key": f"{folder}/server.key",
            "ca": f"{folder}/ca.crt",
            "allow": ["spiffe://shop/website"],
        },
        "backends": {"orders": {"url": f"tcp://127.0.0.1:{service_port}"}},
        "routes": [{"functions": "*", "backend": "orders"}],
    }


def beside_the_client(folder, port, tls_port, name):
    pair = {"cert": f"{folder}/{name}.crt", "key": f"{folder}/{name}.key"}
    return {
        "listen": {"tcp": f"127.0.0.1:{port}", "zmq": f"127.0.0.1:{free_port()}"},
        "backends": {"orders": {"url": f"tls://127.0.0.1:{tls_port}", "tls": {**pair, "ca": f"{folder}/ca.crt"}}},
        "routes": [{"functions": "*", "backend": "orders"}],
    }


async def call_over_tcp(port):
    client = AsyncZeroClient("127.0.0.1", port, protocol=AsyncTCPClient)
    return [await client.call(FUNCTION, INGREDIENT) for _ in range(CALLS)]


def call_over_zmq(port):
    client = ZeroClient("127.0.0.1", port)
    return [client.call(FUNCTION, INGREDIENT) for _ in range(CALLS)]


def prove(folder, started):
    service_port, tls_port, client_port = free_port(), free_port(), free_port()
    service = subprocess.Popen(
        [sys.executable, os.path.join(HERE, "service.py"), str(service_port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    started.append(service)
    wait_until(lambda: listens(service_port), "the service listens")
    far = Gateway(folder, "beside-the-service", beside_the_service(folder, tls_port, service_port))
    started.append(far.process)
    wire = Capture(tls_port)
    config = beside_the_client(folder, client_port, wire.port, "client")
    near = Gateway(folder, "beside-the-client", config)
    started.append(near.process)
    near.line_with('event="endpoint up"')

    print("==> 1. real clients call the real service, over mutual TLS between the gateways")
    zmq_port = int(config["listen"]["zmq"].rsplit(":", 1)[1])
    for name, answers in (
        ("asynchronous, TCP", asyncio.run(call_over_tcp(client_port))),
        ("synchronous, ZeroMQ", call_over_zmq(zmq_port)),
    ):
        assert answers == [ANSWER] * CALLS, answers
        print(f"    {name}: {CALLS} of {CALLS} answers right")

    print("==> 2. on the wire between the gateways is nothing that can be read")
    assert len(wire.seen) > CALLS * len(ANSWER)
    for word in (FUNCTION, INGREDIENT, ANSWER):
        assert word.encode() not in wire.seen, word
    print(f"    {len(wire.seen)} bytes captured: neither {FUNCTION!r} nor {INGREDIENT!r} is in them")

    print("==> 3. a gateway of another CA, and one that is not allowed, are refused")
    for name, reason in (("stranger", "untrusted"), ("other", "not_allowed")):
        refused = Gateway(folder, name, beside_the_client(folder, free_port(), tls_port, name))
        started.append(refused.process)
        print("    " + far.line_with('event="TLS handshake refused"', f"reason={reason}"))


def main():
    started = []
    try:
        prove(sys.argv[1], started)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(PATIENCE_S)
    print("==> done")


if __name__ == "__main__":
    main()
