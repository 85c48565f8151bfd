"""The real Python clients as load: what a user sees who swaps only the server.

usage: python_load.py tcp|zmq_async|zmq_sync PORT FUNCTION CALLERS MEASURED_MS WARMUP_MS

So many callers call in a closed loop: tasks of one event loop (uvloop, as uvicorn has it), or for
zmq_sync threads, each with a client of its own. Prints the part of `zerogate bench --json` that the
comparison reads."""

import asyncio
import json
import resource
import sys
import threading
import time

import uvloop
from zero import AsyncZeroClient, ZeroClient
from zero.error import ZeroException
from zero.protocols.tcp import AsyncTCPClient

from comparison.contests import ARGUMENTS

KIND, PORT, FUNCTION = sys.argv[1], int(sys.argv[2]), sys.argv[3]
CALLERS, MEASURED_MS, WARMUP_MS = map(int, sys.argv[4:7])
ARGUMENT = ARGUMENTS[FUNCTION]
TIMEOUT_MS = 10_000


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Record:
    """Latencies of the calls answered in the measured time."""

    def __init__(self):
        self.begin = time.perf_counter() + WARMUP_MS / 1e3
        self.end = self.begin + MEASURED_MS / 1e3
        self.latencies_s = []
        self.errors = self.answered = 0
        self.cpu_begin_s = cpu_seconds()

    def add(self, begun, answered):
        self.answered += 1
        if self.begin <= answered < self.end:
            self.latencies_s.append(answered - begun)

    def report(self):
        values = sorted(self.latencies_s)
        share = lambda part: values[min(int(part * len(values)), len(values) - 1)] * 1e6
        shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
        return {
            "requests": len(values),
            "requests_per_second": len(values) * 1e3 / MEASURED_MS,
            "latency_us": {name: share(part) if values else 0 for name, part in shares.items()},
            "errors": self.errors,
            "answered": self.answered,
            "client_cpu_seconds": cpu_seconds() - self.cpu_begin_s,
        }


async def call_all_the_time(client, record):
    while (begun := time.perf_counter()) < record.end:
        try:
            await client.call(FUNCTION, ARGUMENT)
            record.add(begun, time.perf_counter())
        except ZeroException:
            record.errors += 1


async def asynchronous():
    options = {"default_timeout": TIMEOUT_MS}
    if KIND == "tcp":
        options |= {"protocol": AsyncTCPClient, "pool_size": CALLERS}
    client = AsyncZeroClient("127.0.0.1", PORT, **options)
    await client.call(FUNCTION, ARGUMENT)  # connects
    record = Record()
    await asyncio.gather(*(call_all_the_time(client, record) for _ in range(CALLERS)))
    return record


def synchronous():
    clients = [ZeroClient("127.0.0.1", PORT, default_timeout=TIMEOUT_MS) for _ in range(CALLERS)]
    record = Record()

    def call(client):
        while (begun := time.perf_counter()) < record.end:
            try:
                client.call(FUNCTION, ARGUMENT)
                record.add(begun, time.perf_counter())
            except ZeroException:
                record.errors += 1

    threads = [threading.Thread(target=call, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return record


if __name__ == "__main__":
    uvloop.install()
    record = synchronous() if KIND == "zmq_sync" else asyncio.run(asynchronous())
    print(json.dumps(record.report()))
