"""A TCP proxy between the gateway and a peer that does on command what networks do."""

import asyncio
import contextlib

CHUNK = 1 << 16


class FaultyProxy:
    """Speaks TLS to the side that has a context."""

    def __init__(self, target_port, accept_tls=None, connect_tls=None):
        self._target_port = target_port
        self._accept_tls, self._connect_tls = accept_tls, connect_tls
        self._writers = set()
        self._tasks = set()  # one for each connection
        self._flows = asyncio.Event()
        self._flows.set()
        self._delay_s = 0.0
        self._chop = False
        self._refuses = False

    async def open(self):
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=self._accept_tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self):
        """Returns once nothing of it runs any more: the event loop would tell of what it cuts off."""
        self._server.close()
        self._flows.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self):
        """Every connection ends with RST."""
        for writer in self._writers:
            writer.transport.abort()

    def half_close(self):
        for writer in self._writers:
            with contextlib.suppress(OSError):
                _end(writer)

    @contextlib.contextmanager
    def stalled(self):
        """Nothing passes; what was sent meanwhile passes afterwards."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    @contextlib.contextmanager
    def slow(self, delay_s=0.03):
        self._delay_s = delay_s
        try:
            yield
        finally:
            self._delay_s = 0.0

    @contextlib.contextmanager
    def chopped(self):
        """Bytes come in pieces of a few."""
        self._chop = True
        try:
            yield
        finally:
            self._chop = False

    @contextlib.contextmanager
    def refusing(self):
        """New connections are closed at once, open ones stay."""
        self._refuses = True
        try:
            yield
        finally:
            self._refuses = False

    def _accept(self, reader, writer):
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader, writer):
        if self._refuses:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection(
                "127.0.0.1", self._target_port, ssl=self._connect_tls
            )
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there[1]}
        try:
            await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))
        finally:
            for one in (writer, there[1]):
                self._writers.discard(one)
                one.transport.abort()

    async def _pump(self, reader, writer):
        # RuntimeError: there is more for a side that half_close() has told the end.
        with contextlib.suppress(OSError, RuntimeError):
            while data := await reader.read(CHUNK):
                await self._flows.wait()
                await asyncio.sleep(self._delay_s)
                if self._chop:
                    # A request of a few hundred bytes is cut everywhere; a large one a while.
                    for at in range(0, min(len(data), 600), 3):
                        writer.write(data[at : at + 3])
                        await asyncio.sleep(0)
                        if writer.is_closing():  # asyncio would tell of each piece
                            return
                    data = data[600:]
                writer.write(data)
                await writer.drain()
            _end(writer)


def _end(writer):
    """Tells this side that nothing more comes. TLS of asyncio has no half of an end."""
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
