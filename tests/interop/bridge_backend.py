"""Real zeroapi servers for the bridge to stand in front of: several workers each, one process
group each, so that a signal hits all of them."""

import argparse
import asyncio
import os
import signal
import socket
import sys
import tempfile
import time

import msgspec
import zmq
from zero import ZeroServer

import raw
from own_port import own_port
from waiting import PATIENCE_S, wait_until
from watchman import kill_group, start_group
from zero_reference_server import PROTOCOLS, AnyEncoder

WORKERS = 2


class Sum(msgspec.Struct):
    """The argument of add."""

    a: int
    b: int


def hello_world() -> str:
    return "hello world"


def echo(msg: object) -> object:
    return msg


def add(msg: Sum) -> int:
    if not isinstance(msg, Sum):  # over TCP Zero does not convert
        return msg["a"] + msg["b"]
    return msg.a + msg.b


def boom(msg: str) -> str:
    raise RuntimeError(msg)


async def sleep_ms(msg: int) -> int:
    await asyncio.sleep(msg / 1_000)
    return msg


def block_ms(msg: int) -> int:
    time.sleep(msg / 1_000)
    return msg


def who_am_i() -> list:
    return [PORT, os.getpid()]


def nothing(msg: int) -> int:
    return None


def blob(msg: int) -> bytes:
    return b"\xa5" * msg


def mark(msg: str) -> object:
    """Keeps a list of its calls. One has a result for which Zero's TCP server closes the connection."""
    with open("marks", "a") as marks:
        marks.write(msg + "\n")
    return object() if msg == "no MessagePack" else msg


FUNCTIONS = (hello_world, echo, add, boom, sleep_ms, block_ms, who_am_i, nothing, blob, mark)
PORT = 0  # this server's, in its processes


def main():
    global PORT
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol", choices=PROTOCOLS)
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    PORT = options.port
    server = ZeroServer(
        "127.0.0.1", options.port, encoder=AnyEncoder, protocol=PROTOCOLS[options.protocol]
    )
    for function in FUNCTIONS:
        server.register_rpc(function)
    server.run(workers=WORKERS)


class Backend:
    """One server as a process group. Keeps its port over kill() and start()."""

    name = "zero"  # as a peer of the real clients, see conftest.py

    def __init__(self, protocol):
        self.protocol = protocol
        self.port = self.tcp_port = self.zmq_port = own_port()
        self._directory = tempfile.TemporaryDirectory(prefix="interop-backend-")
        self._process = None

    @property
    def url(self):
        return f"{self.protocol}://127.0.0.1:{self.port}"

    @property
    def directory(self):
        """Where its processes work."""
        return self._directory.name

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        """Returns once every worker answers."""
        self.launch()
        wait_until(self._all_answer, PATIENCE_S, f"{WORKERS} workers at {self.url}")
        return self

    def launch(self):
        # The ZeroMQ server leaves a socket in its working directory.
        with open(os.path.join(self._directory.name, "log"), "ab") as log:
            command = [sys.executable, os.path.abspath(__file__), self.protocol, str(self.port)]
            options = {"cwd": self._directory.name, "stdout": log, "stderr": log}
            self._process = start_group(command, **options)

    def kill(self):
        kill_group(self._process)
        self._process = None

    def pause(self):
        """SIGSTOP: the kernel goes on accepting connections, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def close(self):
        if self._process:
            self.kill()
        self._directory.cleanup()

    def check(self):
        assert self._process.poll() is None, self.log

    @property
    def log(self):
        with open(os.path.join(self._directory.name, "log"), encoding="utf-8") as log:
            return log.read()

    def _signal(self, number):
        os.killpg(self._process.pid, number)

    def _all_answer(self):
        self.check()
        ask = ask_over_tcp if self.protocol == "tcp" else ask_over_zmq
        return len({pid for _, pid in ask(self.port, 4 * WORKERS)}) == WORKERS


def ask_over_tcp(port, calls):
    """who_am_i, each time on a connection of its own: the kernel picks the worker."""
    answers = []
    try:
        for _ in range(calls):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(raw.t3_frame(1, raw.t3_payload("who_am_i")))
                with connection.makefile("rb") as stream:
                    length = int.from_bytes(stream.read(4), "big")
                    answers.append(msgspec.msgpack.decode(stream.read(length)[5:]))
    except (OSError, msgspec.DecodeError):
        pass
    return answers


def ask_over_zmq(port, calls):
    """who_am_i in a row: the broker gives them to its workers in turn."""
    context = zmq.Context()
    connection = context.socket(zmq.DEALER)
    connection.setsockopt(zmq.LINGER, 0)
    try:
        connection.connect(f"tcp://127.0.0.1:{port}")
        for _ in range(calls):
            connection.send(raw.w5_request(os.urandom(raw.ID_BYTES), "who_am_i"))
        answers = []
        while len(answers) < calls and connection.poll(2_000):
            answers.append(msgspec.msgpack.decode(connection.recv()[raw.ID_BYTES :]))
        return answers
    finally:
        connection.close()
        context.term()


if __name__ == "__main__":
    main()
