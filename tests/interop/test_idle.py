"""A gateway with nothing to do sleeps: none of its threads waits for a time that comes soon."""

import asyncio
import os
import struct

import pytest

from clients import KINDS
from tasks import read_tasks
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

SOON_MS = 30_000  # the main thread looks at the labels of functions once in a minute
# By number, of x86-64 and of arm64: the place of the argument that says how long to wait, and
# whether it is milliseconds or the address of a time. Other calls come back at once, or are not
# what a thread here should wait in.
WAITS = {
    "x86_64": {232: (3, "ms"), 281: (3, "ms"), 7: (2, "ms"), 271: (2, "time"), 202: (3, "time")},
    "aarch64": {22: (3, "ms"), 73: (2, "time"), 98: (3, "time")},
}[os.uname().machine]


def wait_ms(syscall):
    """How long a thread sleeps at most, by its file `syscall`; None while it runs."""
    number, *arguments = syscall.split()
    if number == "running" or int(number) not in WAITS:
        return None
    place, kind = WAITS[int(number)]
    value = int(arguments[place], 16)
    if kind == "ms":
        (ms,) = struct.unpack("i", struct.pack("I", value & 0xFFFFFFFF))
        return float("inf") if ms < 0 else ms
    return float("inf") if value == 0 else 0


def short_sleepers(pid):
    """The threads that do not sleep for long, by name."""
    names = read_tasks(pid, "comm")
    found = []
    for task, syscall in read_tasks(pid, "syscall").items():
        sleep_ms = wait_ms(syscall)
        if sleep_ms is None or sleep_ms < SOON_MS:
            found.append(f"{names.get(task, task).strip()}: {sleep_ms}")
    return found


async def test_an_idle_gateway_does_not_wake_up(start_gateway, own_redis, clients):
    gateway = await asyncio.to_thread(start_gateway, own_redis.url(), ["--threads", "2"])
    # A ZeroMQ client that has called gets keep-alive frames, so only the other kind stays.
    for kind in KINDS:
        client = clients.open(kind, gateway)
        await client.call("hello_world")
        if client.protocol == "zmq":
            await clients.close(client)
    sleepers = lambda: short_sleepers(gateway.pid)
    await until(lambda: not sleepers(), PATIENCE_S, lambda: f"every thread sleeps long: {sleepers()}")
