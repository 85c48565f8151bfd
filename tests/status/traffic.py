"""Steady traffic of the real zeroapi clients, as a process of its own, until it is terminated.

usage: python traffic.py TCP_PORT ZMQ_PORT CALLS_PER_SECOND [bridge]

A mix as a service sees it: mostly quick calls that go well over both protocols, some orders, some
mistakes, a few clients of the oldest wire. With `bridge` also calls of the functions that
tests/interop/bridge_backend.py serves.
"""

import asyncio
import os
import random
import subprocess
import sys
import types

INTEROP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop")
sys.path.insert(0, INTEROP)

from zero.error import ZeroException  # noqa: E402

from clients import CLASSES  # noqa: E402
from raw import ZmqConnection  # noqa: E402

ORDER = {"user_id": "1", "items": ["apple", "python"]}
TEXT = "x" * 200
TICK_S = 0.02
# Weight, function, argument: a callable makes it anew each time.
HERE = [
    (40, "hello_world", None),
    (25, "echo", TEXT),
    (14, "save_order", ORDER),
    (14, "get_order", None),
    (0.4, "save_order", []),
    (0.3, "sav_order", ORDER),
]
BRIDGED = [
    (24, "add", {"a": 1, "b": 2}),
    (5, "sleep_ms", lambda: int(random.lognormvariate(1.5, 0.8))),
    (0.5, "boom", "out of stock"),
]


class Traffic:
    def __init__(self, tcp_port, zmq_port, per_second, bridge):
        peer = types.SimpleNamespace(tcp_port=tcp_port, zmq_port=zmq_port)
        self._clients = [CLASSES[kind](peer) for kind in ("tcp", "zmq_async") for _ in range(2)]
        self._old = ZmqConnection(zmq_port)
        self._per_second = per_second
        self._mix = HERE + (BRIDGED if bridge else [])
        self._order_id = ""
        self._under_way = set()

    async def run(self):
        self._order_id = (await self._clients[0].call("save_order", ORDER))["order_id"]
        old = asyncio.create_task(self._call_as_w1())
        due = 0.0
        while not old.done():
            due += self._per_second * TICK_S
            while due >= 1:
                due -= 1
                task = asyncio.create_task(self._call())
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(TICK_S)
        old.result()

    async def _call(self):
        _, function, argument = random.choices(self._mix, [weight for weight, *_ in self._mix])[0]
        if function == "get_order":
            argument = self._order_id
        if callable(argument):
            argument = argument()
        try:
            await random.choice(self._clients).call(function, argument)
        except (ZeroException, ConnectionError, asyncio.TimeoutError):
            pass  # part of the mix, or the gateway is being restarted

    async def _call_as_w1(self):
        """One call at a time over zeroapi 0.3.2's wire."""
        while True:
            try:
                await self._old.exchange(b"hello_world", b"\xa0")
            except asyncio.TimeoutError:
                pass
            await asyncio.sleep(8 / self._per_second)


class TrafficProcess:
    """The same from outside."""

    def __init__(self, gateway, per_second, bridge=False):
        command = [sys.executable, os.path.abspath(__file__)]
        command += [str(gateway.tcp_port), str(gateway.zmq_port), str(per_second)]
        self._process = subprocess.Popen(command + ["bridge"] * bridge, stdin=subprocess.DEVNULL)

    def stop(self):
        assert self._process.poll() is None, "the traffic ended by itself"
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    tcp, zmq, calls_per_second = map(int, sys.argv[1:4])
    asyncio.run(Traffic(tcp, zmq, calls_per_second, "bridge" in sys.argv[4:]).run())
