"""The real clients of zeroapi 1.0.1, all with one asynchronous face."""

import asyncio
import concurrent.futures
import functools

from zero import AsyncZeroClient, ZeroClient
from zero.protocols.tcp import AsyncTCPClient

KINDS = ("tcp", "zmq_async", "zmq_sync")
TIMEOUT_MS = 15_000  # generous; the clients' own default is 5,000


class AsyncTcp:
    """AsyncZeroClient with AsyncTCPClient: a pool of connections, one call at a time on each."""

    kind, protocol = "tcp", "tcp"

    def __init__(self, peer, timeout_ms=TIMEOUT_MS, parallel=4):
        self.client = AsyncZeroClient(
            "127.0.0.1",
            peer.tcp_port,
            default_timeout=timeout_ms,
            protocol=AsyncTCPClient,
            pool_size=parallel,
        )

    async def call(self, function, msg=None, **options):
        return await self.client.call(function, msg, **options)

    async def close(self):
        # AsyncTCPClient.close() only begins to close; nothing may be left when the loop ends.
        await self.client._client_inst._pool.close()


class AsyncZmq:
    """AsyncZeroClient over ZeroMQ: one DEALER, any number of calls at a time."""

    kind, protocol = "zmq_async", "zmq"

    def __init__(self, peer, timeout_ms=TIMEOUT_MS, parallel=4):
        self.client = AsyncZeroClient("127.0.0.1", peer.zmq_port, default_timeout=timeout_ms)

    async def call(self, function, msg=None, **options):
        return await self.client.call(function, msg, **options)

    async def close(self):
        self.client.close()


class SyncZmq:
    """ZeroClient over ZeroMQ: one DEALER for each thread that calls."""

    kind, protocol = "zmq_sync", "zmq"

    def __init__(self, peer, timeout_ms=TIMEOUT_MS, parallel=1):
        self.client = ZeroClient("127.0.0.1", peer.zmq_port, default_timeout=timeout_ms)
        self._threads = concurrent.futures.ThreadPoolExecutor(parallel)

    async def call(self, function, msg=None, **options):
        call = functools.partial(self.client.call, function, msg, **options)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def close(self):
        self._threads.shutdown()
        self.client.close()


CLASSES = {client.kind: client for client in (AsyncTcp, AsyncZmq, SyncZmq)}


class Clients:
    """Opens clients, and closes them all in the end."""

    def __init__(self):
        self.opened = []

    def open(self, kind, peer, **options):
        client = CLASSES[kind](peer, **options)
        self.opened.append(client)
        return client

    async def close(self, client):
        self.opened.remove(client)
        await client.close()

    async def close_all(self):
        while self.opened:
            await self.close(self.opened[-1])
