"""Ports on loopback that stay a test's own while its server is down."""

import contextlib
import itertools
import random
import socket

LEAST = 10_000  # above the services that a machine may have
BLOCK = 200  # far more than a process' servers that are down at a time


def given_out():
    """The ports that the kernel gives to who names none: for bind(0), and for each connection."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low, high = map(int, file.read().split())
    return range(low, high + 1)


def numbers(taken):
    """Those of a block, outside of `taken` if there is one, again and again. The first one's UDP port
    is its lock: no other process that asks here has a port of it."""
    firsts = range(LEAST, (1 << 16) - BLOCK, BLOCK)
    outside = [first for first in firsts if first + BLOCK <= taken[0] or first > taken[-1]]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lock:
        for first in random.sample(outside or firsts, len(outside or firsts)):
            with contextlib.suppress(OSError):
                lock.bind(("127.0.0.1", first))
                while True:
                    yield from range(first, first + BLOCK)
    raise AssertionError("no block of ports is free on loopback")


_numbers = numbers(given_out())


def own_port():
    """A port on which nobody listens, and which nobody else gets for a long time. One from bind(0) is
    anyone's once it is closed: a server that was killed may find it taken when it comes back. This
    one is none of those that the kernel gives out, unless it gives out nearly all."""
    for port in itertools.islice(_numbers, BLOCK):
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port
    raise AssertionError("no port of the block is free on loopback")
