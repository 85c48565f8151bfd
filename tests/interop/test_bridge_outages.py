"""Real Zero servers are killed, stopped and restarted under load, and real clients see as little of
it as can be."""

import asyncio
import time

import pytest
from zero.error import RemoteException

from bridge_backend import Backend
from bridge_load import connects, open_callers
from bridging import (
    ATTEMPTS,
    RETURN_S,
    all_up,
    calls_until_answered,
    fails,
    in_flight,
    one_backend,
    outcome,
)
from clients import KINDS
from test_redis_faults import check_sum
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

KILLED_S = 1.0  # until what is killed has shown, at the latest
STOPPED_S = 2.0  # the time-out of what is stopped: longer than a busy machine stands still
SOME = 300  # calls
SOME_OF_A_KIND = 20
# The time-out of what is killed: that shows at once, and a busy machine may not run a server of
# several for a second.
NEVER_SILENT = "5s"


async def ride_through(gateway, clients, victim, break_it, mend_it, shows_s):
    """Steady load while one of two backends is broken and mended. `shows_s`: for how long a call to a
    broken one waits at the most."""
    # After a fault: no call that ends later is an error. The last that is sent to a stopped server
    # leaves when the first is given up; clocks are read outside of the gateway.
    calm_s = 2 * shows_s + 0.2
    async with open_callers(clients, gateway) as callers:
        from_victim = lambda answer: answer[0] == victim.port
        from_other = lambda answer: answer[0] != victim.port
        start = time.monotonic()
        both = lambda: min(
            callers.answered_since(start, accept) for accept in (from_victim, from_other)
        )
        await until(lambda: both() >= SOME, PATIENCE_S, "both backends carry load")

        broken = time.monotonic()
        break_it()
        await asyncio.sleep(calm_s + 0.5)  # the length of the outage, not a wait for something
        assert callers.answered_since(broken + calm_s) >= SOME / 3, "the other one carries the load"

        await asyncio.to_thread(mend_it)
        mended = time.monotonic()
        carries = lambda: callers.answered_since(mended, from_victim) >= 20
        await until(carries, RETURN_S, "the backend carries load again")
        # It does so without an error, too.
        returned = time.monotonic()
        await until(lambda: callers.answered_since(returned) >= SOME, PATIENCE_S, "the load goes on")

    late = [r for r in callers.errors if r.ended - broken > calm_s]
    describe = lambda records: [(r.kind, round(r.ended - broken, 3), str(r.error)) for r in records]
    assert not late, describe(late)
    assert all(r.begun > broken - shows_s - SLACK_S for r in callers.errors)
    assert all(isinstance(r.error, RemoteException) for r in callers.errors)
    assert len(callers.errors) < 0.01 * callers.sent, describe(callers.errors)
    assert callers.slowest_s() < shows_s + SLACK_S
    check_sum(gateway, callers.sent + connects(callers.clients))
    assert outcome(gateway, "ok") == len(callers.ok) + connects(callers.clients)
    assert gateway.metrics().total(ATTEMPTS, outcome="ok") == len(callers.ok)


@pytest.fixture
def two_backends(start_backend):
    return start_backend("tcp"), start_backend("tcp")


async def test_backend_killed_under_load(start_bridge, two_backends, clients):
    one, two = two_backends
    gateway = await start_bridge(config=one_backend(one.url, two.url, timeout=NEVER_SILENT))
    await until(all_up(gateway, 2), PATIENCE_S, "both are up")
    await ride_through(gateway, clients, one, one.kill, one.start, KILLED_S)


async def test_backend_stopped_under_load(start_bridge, two_backends, clients):
    one, two = two_backends
    gateway = await start_bridge(config=one_backend(one.url, two.url, timeout=f"{STOPPED_S:g}s"))
    await until(all_up(gateway, 2), PATIENCE_S, "both are up")
    try:
        await ride_through(gateway, clients, one, one.pause, one.resume, STOPPED_S)
    finally:
        one.resume()


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
async def test_only_backend_restarted_under_load(protocol, start_bridge, start_backend, clients):
    """Clients notice nothing but errors while it is away: no time-out, no lost connection."""
    backend = start_backend(protocol)
    gateway = await start_bridge(config=one_backend(backend.url, timeout=NEVER_SILENT))
    async with open_callers(clients, gateway) as callers:
        await until(lambda: len(callers.ok) >= SOME, PATIENCE_S, "the backend carries load")
        broken = time.monotonic()
        backend.kill()
        failing = lambda kind: sum(r.kind == kind for r in callers.errors) >= SOME_OF_A_KIND
        await until(lambda: all(map(failing, KINDS)), PATIENCE_S, "calls of every client fail at once")

        await asyncio.to_thread(backend.start)
        mended = time.monotonic()
        every_kind = lambda: set(KINDS) == {r.kind for r in callers.ok if r.begun > mended}
        await until(every_kind, RETURN_S, "every client is answered again")
        calm = time.monotonic()
        await until(lambda: callers.answered_since(calm) >= SOME, PATIENCE_S, "the load goes on")
    assert not [str(r.error) for r in callers.errors if r.begun > calm]
    assert {type(r.error) for r in callers.errors} == {RemoteException}
    assert callers.slowest_s() < KILLED_S + SLACK_S
    check_sum(gateway, callers.sent + connects(callers.clients))


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
async def test_backend_away_at_start(protocol, start_bridge, clients):
    backend = Backend(protocol)  # not started
    try:
        gateway = await start_bridge(backend.url)
        opened = [clients.open(kind, gateway) for kind in KINDS]
        for client in opened * 3:
            await fails(client.call("hello_world"), SLACK_S, "^backend '.+' unavailable: ")
        assert outcome(gateway, "unavailable") == 9
        assert gateway.metrics().total("zerogate_backend_up") == 0
        await asyncio.to_thread(backend.start)
        calls = [await calls_until_answered(client, "hello_world") for client in opened]
        check_sum(gateway, 9 + sum(calls) + connects(opened))
    finally:
        backend.close()


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
async def test_backend_killed_under_a_request(protocol, start_bridge, start_backend, clients):
    backend = start_backend(protocol)
    gateway = await start_bridge(backend.url)
    opened = [clients.open(kind, gateway) for kind in KINDS]
    for client in opened:
        await client.call("hello_world")
    calls = [asyncio.create_task(client.call("sleep_ms", 60_000)) for client in opened]
    await until(in_flight(gateway, len(calls)), PATIENCE_S, "the calls are under way")
    await asyncio.sleep(0.1)  # and have reached the backend, most likely; either way they must fail
    backend.kill()
    for call in calls:
        await fails(call, SLACK_S)
    check_sum(gateway, 2 * len(opened) + connects(opened))


async def test_stopped_backend_leaves_the_others_alone(start_bridge, start_backend, clients):
    """Two backends behind one gateway, more calls for the stopped one than it has connections."""
    stopped, healthy = start_backend("tcp"), start_backend("tcp")
    backends = {"stopped": {"url": stopped.url, "timeout": "4s"}, "healthy": {"url": healthy.url}}
    routes = [
        {"functions": ["echo"], "backend": "stopped"},
        {"functions": ["*"], "backend": "healthy"},
    ]
    gateway = await start_bridge(config={"backends": backends, "routes": routes})
    opened = [clients.open(kind, gateway, parallel=60) for kind in ("tcp", "zmq_async")]
    beside = [clients.open(kind, gateway) for kind in KINDS]
    for client in opened + beside:
        assert await client.call("echo", 1) == 1
        assert await client.call("hello_world") == "hello world"
    stopped.pause()
    try:
        stuck = [asyncio.create_task(c.call("echo", 1)) for c in opened for _ in range(50)]
        slowest, quick = 0.0, 0
        while not all(call.done() for call in stuck):
            for client in [*opened, *beside]:
                begun = time.monotonic()
                assert await client.call("hello_world") == "hello world"
                slowest = max(slowest, time.monotonic() - begun)
                quick += 1
        assert slowest < SLACK_S
        results = await asyncio.gather(*stuck, return_exceptions=True)
        assert {type(result) for result in results} == {RemoteException}
        check_sum(gateway, 2 * 5 + 100 + quick + connects(opened + beside))
    finally:
        stopped.resume()
    await calls_until_answered(beside[0], "echo")
