"""A real zeroapi server with the functions that the gateway serves itself. The tests of
conversations with clients run against it too (`--peer=zero`): so they describe Zero, not us."""

import argparse
import os
import sys
import tempfile
from typing import Any

import redis
from zero import ZeroServer
from zero.encoder.generic import GenericEncoder
from zero.protocols.tcp import TCPServer
from zero.protocols.zeromq import ZMQServer

import orders
import raw
from own_port import own_port
from waiting import PATIENCE_S, wait_until
from watchman import kill_group, start_group

PROTOCOLS = {"tcp": TCPServer, "zmq": ZMQServer}
REDIS_URL = "ZERO_REFERENCE_REDIS"


class AnyEncoder(GenericEncoder):
    """Zero's own encoder; it lets a function be declared for every type, as echo must be."""

    def is_allowed_type(self, typ):
        return True


def open_redis():
    if not hasattr(open_redis, "client"):  # one for each worker process
        open_redis.client = redis.Redis.from_url(os.environ[REDIS_URL])
    return open_redis.client


def hello_world() -> str:
    return "hello world"


def echo(msg: Any) -> Any:
    return msg


def save_order(msg: orders.SaveOrder) -> dict:
    if not isinstance(msg, orders.SaveOrder):  # over TCP Zero does not convert: a plain dict
        msg = orders.SaveOrder(user_id=msg["user_id"], items=msg["items"])
    return orders.save(open_redis(), msg)


def get_order(msg: str) -> orders.Order:
    return orders.load(open_redis(), msg)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol", choices=PROTOCOLS)
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    server = ZeroServer(
        "127.0.0.1", options.port, encoder=AnyEncoder, protocol=PROTOCOLS[options.protocol]
    )
    for function in (hello_world, echo, save_order, get_order):
        server.register_rpc(function)
    server.run(workers=1)


class ReferencePeer:
    """The servers of both protocols as processes, with the part of Gateway's interface that a
    test of both peers needs."""

    name = "zero"

    def __init__(self, redis_url):
        self._environment = {**os.environ, REDIS_URL: redis_url}
        self._directory = tempfile.TemporaryDirectory(prefix="interop-zero-")
        self._processes = []
        self.tcp_port, self.zmq_port = own_port(), own_port()

    def start(self):
        for protocol, port in (("tcp", self.tcp_port), ("zmq", self.zmq_port)):
            with open(os.path.join(self._directory.name, protocol + ".log"), "ab") as log:
                # A session of its own: the workers are its children and must end with it. The
                # ZeroMQ server leaves a socket in its working directory.
                command = [sys.executable, os.path.abspath(__file__), protocol, str(port)]
                options = {"cwd": self._directory.name, "env": self._environment, "stderr": log}
                self._processes.append(start_group(command, **options))
        wait_until(lambda: raw.tcp_answers(self.tcp_port), PATIENCE_S, "Zero's TCP server answers")
        wait_until(lambda: raw.zmq_answers(self.zmq_port), PATIENCE_S, "Zero's ZeroMQ server answers")
        return self

    def stop(self):
        for process in self._processes:
            kill_group(process)
        self._processes = []

    def close(self):
        self.stop()
        self._directory.cleanup()

    def restart(self):
        self.stop()
        self.start()

    def check(self):
        assert all(process.poll() is None for process in self._processes)


if __name__ == "__main__":
    main()
