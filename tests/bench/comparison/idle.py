"""What a gateway with nothing to do costs: memory, and wake-ups."""

import os
import socket
import time

import raw
from tasks import read_tasks

HELLO = raw.t3_frame(1, raw.t3_payload("hello_world"))
HELLO_BYTES = 21  # of its answer


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wakeups(pid):
    """How often each thread has given up the processor of its own will, libzmq's included."""
    counts = {}
    for task, status in read_tasks(pid, "status").items():
        fields = dict(line.split(":", 1) for line in status.splitlines())
        counts[fields["Name"].strip(), task] = int(fields["voluntary_ctxt_switches"])
    return counts


def woken_per_second(pid, seconds):
    """By thread, those that were woken at all; reading /proc wakes nobody."""
    before = wakeups(pid)
    time.sleep(seconds)  # this is the measured time
    after = wakeups(pid)
    return {
        f"{name} ({task})": (after[name, task] - before.get((name, task), 0)) / seconds
        for name, task in after
        if after[name, task] != before.get((name, task), 0)
    }


def open_connections(port, count):
    """Connections that have made one call each."""
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connections.append(connection)
        connection.sendall(HELLO)
    for connection in connections:
        got = 0
        while got < HELLO_BYTES:
            part = connection.recv(HELLO_BYTES - got)
            assert part, "the gateway closed an idle connection"
            got += len(part)
    return connections


def measure(gateway, connections, seconds):
    """Of a gateway that was just started. `wakeups_per_s` is with all connections open."""
    resident = resident_bytes(gateway.pid)
    open_ones = open_connections(gateway.tcp_port, connections)
    try:
        grown = resident_bytes(gateway.pid) - resident
        time.sleep(min(seconds, 1))  # the end of what the connections began
        woken = woken_per_second(gateway.pid, seconds)
    finally:
        for connection in open_ones:
            connection.close()
    return {
        "resident_mib": resident / 2**20,
        "connections": connections,
        "connection_kib": grown / connections / 2**10,
        "seconds": seconds,
        "wakeups_per_s": sum(woken.values()),
        "woken": woken,
    }
