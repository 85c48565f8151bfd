"""More is asked of a backend than it can do: who gets answers, and what the others are told. The
backends answer when a test lets them, so nothing here depends on how fast the machine is; how much
of the capacity reaches callers who still wait is shown on a virtual clock
(tests/unit/core/bridge/backend_overload_test.cc)."""

import asyncio
import re

import msgspec
import pytest
from zero.error import RemoteException

from bridging import all_up, in_flight, one_backend, outcome, queued
from raw import ID_BYTES, TcpConnection, ZmqConnection, t3_frame, t3_payload, w5_request
from scripted_backend import SCRIPTED, ScriptedTcp
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

QUEUE = 64
ALL = 200  # calls of the greedy caller: one is at the server, QUEUE wait


class Held(list):
    """Calls that the server works on until it is told to answer."""

    at_once = False  # it holds no more calls

    def __call__(self, call):
        self.append(call)
        if self.at_once:
            self.answer()

    def answer(self):
        while self:
            call = self.pop(0)
            call.reply(call.data)

    def release(self, at_once=True):
        self.at_once = at_once
        if at_once:
            self.answer()


class GreedyTcp:
    """One connection with all calls at once."""

    def __init__(self, gateway):
        self._port = gateway.tcp_port

    async def __aenter__(self):
        self._connection = await TcpConnection.open(self._port)
        frames = (t3_frame(i, t3_payload("work")) for i in range(ALL))
        await self._connection.send(b"".join(frames))
        return self

    async def __aexit__(self, *_):
        await self._connection.__aexit__()

    async def receive(self):
        return (await self._connection.receive_frame())[9:]


class GreedyZmq:
    def __init__(self, gateway):
        self._connection = ZmqConnection(gateway.zmq_port)

    async def __aenter__(self):
        for i in range(ALL):
            await self._connection.socket.send(w5_request(b"%016d" % i, "work", b"\xc0"))
        return self

    async def __aexit__(self, *_):
        await self._connection.__aexit__()

    async def receive(self):
        return (await self._connection.receive())[0][ID_BYTES:]


@pytest.mark.parametrize("greedy", [GreedyTcp, GreedyZmq])
@pytest.mark.parametrize("kind", ["tcp", "zmq_async"])
async def test_greedy_caller_does_not_starve_a_polite_one(kind, greedy, start_bridge, clients):
    held = Held()
    async with ScriptedTcp({"work": held, "quick": held}) as backend:
        options = {"connections": 1, "queue": QUEUE, "timeout": "60s"}
        gateway = await start_bridge(config=one_backend(backend.url, **options))
        await until(all_up(gateway, 1), PATIENCE_S, "it is up")
        async with greedy(gateway) as crowd:
            refused = ALL - QUEUE - 1
            await until(lambda: outcome(gateway, "overloaded") == refused, PATIENCE_S, "it is full")
            assert b"overloaded: 64 calls are waiting" in await crowd.receive()
            polite = asyncio.create_task(clients.open(kind, gateway).call("quick", 7))
            await until(
                lambda: outcome(gateway, "overloaded") == refused + 1,
                PATIENCE_S,
                "another of the greedy caller's calls has made room for it",
            )
            for _ in range(2):
                await until(lambda: held, PATIENCE_S, "a call is at the server")
                held.answer()
            await until(lambda: len(backend.received) == 3, PATIENCE_S, "the third is there")
            assert "quick" in [call.function for call in backend.received]
            held.release()
            assert await polite == 7
            await until(in_flight(gateway, 0), PATIENCE_S, "all are answered")
        assert outcome(gateway, "overloaded") == refused + 1


@pytest.mark.parametrize("scripted", SCRIPTED.values())
@pytest.mark.parametrize("kind", ["tcp", "zmq_async"])
async def test_newest_first_when_the_queue_stands(kind, scripted, start_bridge, clients):
    """Callers who have waited long have left, mostly. Whatever the order, each gets its own answer."""
    held = Held()
    async with scripted({"work": held}) as backend:
        options = {"connections": 1, "in_flight": 1, "timeout": "60s"}
        gateway = await start_bridge(config=one_backend(backend.url, **options))
        await until(all_up(gateway, 1), PATIENCE_S, "it is up")
        calls = 20
        client = clients.open(kind, gateway, parallel=calls)
        waiting = []
        for i in range(calls):
            waiting.append(asyncio.create_task(client.call("work", i)))
            await until(in_flight(gateway, i + 1), PATIENCE_S, "it has come")
            await asyncio.sleep(0.05)  # the queue has to stand for a while, and a longer one will do
        held.release()
        assert [await task for task in waiting] == list(range(calls))
        order = [msgspec.msgpack.decode(call.data) for call in backend.received]
        assert order[0] == 0
        assert order[1] >= calls - 5
        assert order[-1] < calls - 5


async def test_what_cannot_be_served_in_time_is_refused_at_once(start_bridge, clients):
    held = Held()
    async with ScriptedTcp({"work": held, "quick": held}) as backend:
        config = one_backend(backend.url, connections=1, queue=QUEUE, timeout="60s")
        config["routes"].insert(0, {"functions": ["quick"], "backend": "b", "timeout": "100ms"})
        gateway = await start_bridge(config=config)
        await until(all_up(gateway, 1), PATIENCE_S, "it is up")
        client = clients.open("zmq_async", gateway)

        async def ask():
            """The error of a quick call behind many others, some of which have shown the rate."""
            many = [asyncio.create_task(client.call("work")) for _ in range(QUEUE)]
            await until(queued(gateway, QUEUE - 1), PATIENCE_S, "they wait")
            for _ in range(20):
                await until(lambda: held, PATIENCE_S, "one is at the server")
                await asyncio.sleep(0.005)  # the rate is this or lower
                held.answer()
            with pytest.raises(RemoteException) as error:
                await client.call("quick")
            held.release()
            await asyncio.gather(*many)
            held.release(at_once=False)
            return str(error.value)

        # A queue that stands for half a second, as on a busy machine, is served newest first, and
        # then the call is taken and times out. How long it would wait depends on the machine, too.
        for _ in range(20):
            text = await ask()
            if re.search(r"overloaded: would wait \d+\.\d s, time-out 0\.1 s$", text):
                return
            assert "did not answer within 100 ms" in text
        raise AssertionError(text)
