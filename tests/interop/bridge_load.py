"""Steady load by many callers over real clients, and what became of every call."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Optional

from zero.error import ZeroException

PAUSE_S = 0.005  # between a caller's calls: a load that two cores can carry


@dataclass
class Record:
    """One call, in seconds of time.monotonic()."""

    begun: float
    ended: float
    kind: str
    result: Any = None
    error: Optional[Exception] = None


class Callers:
    """Callers call one function again and again until finish()."""

    def __init__(self, function="who_am_i", argument=None, pause_s=PAUSE_S):
        self.records = []
        self.sent = 0
        self._function, self._argument, self._pause_s = function, argument, pause_s
        self.clients = []
        self._running = True
        self._tasks = []

    def add(self, client, callers):
        self.clients.append(client)
        for _ in range(callers):
            self._tasks.append(asyncio.create_task(self._call_all_the_time(client)))

    async def finish(self):
        self._running = False
        await asyncio.gather(*self._tasks)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.finish()  # also after a failure, or the clients could not be closed

    @property
    def ok(self):
        return [record for record in self.records if not record.error]

    @property
    def errors(self):
        return [record for record in self.records if record.error]

    def answered_since(self, moment, accept=lambda result: True):
        """Calls begun after `moment` whose result is accepted."""
        # Records stand in the order of their ends, and no call takes as long as all of this.
        found = 0
        for record in reversed(self.records):
            if record.ended < moment:
                break
            found += record.begun > moment and not record.error and accept(record.result)
        return found

    def slowest_s(self):
        return max(record.ended - record.begun for record in self.records)

    async def _call_all_the_time(self, client):
        while self._running:
            self.sent += 1
            begun = time.monotonic()
            record = Record(begun, begun, client.kind)
            try:
                record.result = await client.call(self._function, self._argument)
            except ZeroException as error:
                record.error = error
            record.ended = time.monotonic()
            self.records.append(record)
            await asyncio.sleep(self._pause_s)


def open_callers(clients, gateway, function="who_am_i", argument=None, pause_s=PAUSE_S):
    """24 callers over every kind of client, to be used with `async with`."""
    callers = Callers(function, argument, pause_s)
    for kind, count in (("tcp", 10), ("zmq_async", 10), ("zmq_sync", 4)):
        callers.add(clients.open(kind, gateway, parallel=count), count)
    return callers


def connects(clients):
    """How often these clients have called `connect`, a request like others: once per DEALER."""
    pools = (c.client._client_inst.client_pool for c in clients if c.protocol == "zmq")
    return sum(len(pool._pool) for pool in pools)
