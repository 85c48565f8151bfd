"""Calls all the time, by the real clients, and what became of them."""

import asyncio
import collections

from clients import KINDS, Clients

PAUSE_S = 0.005  # between the calls of one client: the machine has more to do


class Load:
    """Callers over both protocols until stop(). Every call ends as an answer, or as an exception
    of the client; one that is answered wrongly fails the test."""

    def __init__(self, ports, timeout_ms=5_000):
        self.ended = collections.Counter()  # by kind and the exception's name, or "answered"
        self._ports = ports
        self._timeout_ms = timeout_ms
        self._clients = Clients()
        self._tasks = []
        self._stopping = False

    def start(self):
        for kind in KINDS:
            client = self._clients.open(kind, self._ports, timeout_ms=self._timeout_ms)
            self._tasks.append(asyncio.create_task(self._call(kind, client)))
        return self

    async def stop(self):
        self._stopping = True
        # zeroapi's TCP client waits for a free connection without a time-out.
        _, stuck = await asyncio.wait(self._tasks, timeout=2 * self._timeout_ms / 1_000)
        for task in stuck:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._clients.close_all()
        wrong = [error for error in ended if isinstance(error, AssertionError)]
        assert not wrong, wrong

    def answered(self, kind):
        return self.ended[kind, "answered"]

    async def _call(self, kind, client):
        number = 0
        while not self._stopping:
            number += 1
            try:
                answer = await client.call("echo", number)
            except Exception as error:  # the client's own, and the connection's
                self.ended[kind, type(error).__name__] += 1
            else:
                assert answer == number
                self.ended[kind, "answered"] += 1
            await asyncio.sleep(PAUSE_S)
