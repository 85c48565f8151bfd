"""A deployment as an operator does it: behind a HAProxy two gateways, behind these two real services,
all replaced one after another under the load of real clients of both protocols, and a real Prometheus
with the shipped rules beside it."""

import asyncio
import collections
import contextlib
import time

import pytest
from zero.error import ConnectionException, RemoteException, TimeoutException

from bridge_load import open_callers
from bridging import all_up, one_backend
from prometheus_server import Prometheus
from test_backends_by_hand import endpoint, order
from test_drain import haproxy_fixture, post  # noqa: F401: a fixture
from waiting import PATIENCE_S, SLACK_S, wait_until

pytestmark = [pytest.mark.gateway, pytest.mark.once]

SOME = 1000  # calls between two steps
PAUSE_S = 0.001  # of each of 24 callers: they want more than two cores can give
CLIENT_TIMEOUT_S = 15  # clients.TIMEOUT_MS
SCRAPE_S = 1  # how often, and how long one may take
DRAIN_DELAY_S = 2  # forty checks of HAProxy's, and two scrapes
# Callers of one ZeroMQ client share a connection. What they have sent and the gateway has not read when
# its process ends goes with that connection, and Zero's clients neither see it end nor ask again.
MOST_LOST_OF_A_GATEWAY = 14  # all callers over ZeroMQ, once
TOLD = (RemoteException, ConnectionException, TimeoutException)
# How busy the machine is, and that a process was away for longer than it takes on a quiet one.
OF_THE_MACHINE = {
    "ZerogateLoopLag",
    "ZerogateLoopStuck",
    "ZerogateLatencyOverBudget",
    "ZerogateDown",
}


@contextlib.contextmanager
def watched(gateways):
    """A Prometheus that scrapes them."""
    prometheus = Prometheus(*(f"127.0.0.1:{one.admin_port}" for one in gateways), quick=True)
    try:
        yield prometheus.start()
    finally:
        prometheus.close()


async def eventually(condition, what, within_s=PATIENCE_S):
    """Asked in a thread: the callers' loop goes on."""
    await asyncio.to_thread(wait_until, condition, within_s, what)


async def on_each(gateways, action, service):
    for gateway in gateways:
        status, text = await asyncio.to_thread(order, gateway, action, service.address, "deploy")
        assert status == 200, text


async def replace_service(service, gateways):
    """No call may notice."""
    await on_each(gateways, "drain", service)
    for gateway in gateways:
        empty = lambda gateway=gateway: endpoint(gateway, service.address)["connections"] == 0
        await eventually(empty, "its calls have ended")
    service.kill()
    await asyncio.to_thread(service.start)
    await on_each(gateways, "enable", service)
    for gateway in gateways:
        await eventually(all_up(gateway, 2), "it is used again")


async def replace_gateway(gateway, front, clients):
    """Returns (ended, ready): no process was there in between, in seconds since 1970."""
    assert await asyncio.to_thread(post, gateway, "/drain") == 200
    await asyncio.to_thread(gateway.wait_for_exit)
    ended = time.time()
    await asyncio.to_thread(gateway.start)
    ready = time.time()
    deadline = time.monotonic() + PATIENCE_S
    while not gateway.metrics().total("zerogate_requests_total", protocol="tcp"):
        assert time.monotonic() < deadline, "HAProxy gives it no connection"
        newcomer = clients.open("tcp", front, parallel=1)
        await newcomer.call("who_am_i")
        await clients.close(newcomer)
    return ended, ready


class Roll:
    """One deployment: what was replaced when."""

    def __init__(self, gateways, services, prometheus, callers):
        self.gateways, self.services = gateways, services
        self.prometheus, self.callers = prometheus, callers
        self.windows = []  # (from, to) of time.monotonic(): a gateway was leaving
        self.away = {}  # by instance: (drain begun, ended, ready) in seconds since 1970

    async def go_on(self):
        """Until many calls were answered and each gateway was scraped, all that since now."""
        since, moment = time.monotonic(), time.time()
        scraped = lambda: self.prometheus.query(f"timestamp(up) > {moment} and up == 1")
        seen = lambda: len(scraped()) == len(self.gateways)
        answered = lambda: self.callers.answered_since(since) >= SOME
        await eventually(lambda: answered() and seen(), "the load goes on, and is seen")

    async def run(self, front, clients):
        await self.go_on()
        for service in self.services:
            await replace_service(service, self.gateways)
            await self.go_on()
        for gateway in self.gateways:
            left, begun = time.monotonic(), time.time()
            away = await replace_gateway(gateway, front, clients)
            self.away[f"127.0.0.1:{gateway.admin_port}"] = (begun, *away)
            self.windows.append((left, time.monotonic()))
            await self.go_on()


def check_calls(roll, text):
    """None hung, and there is a record of each. The services' deployment costs no call; a gateway's only
    those on connections that end with it."""
    callers = roll.callers
    assert len(callers.records) == callers.sent
    assert callers.slowest_s() < CLIENT_TIMEOUT_S + SLACK_S
    in_window = lambda record: any(
        a <= record.ended and record.begun <= b for a, b in roll.windows
    )
    assert all(in_window(r) for r in callers.errors), text
    lost = [r for r in callers.errors if isinstance(r.error, TimeoutException)]
    assert not [r for r in lost if r.kind == "tcp"], text
    assert len(lost) <= MOST_LOST_OF_A_GATEWAY * len(roll.gateways), text
    assert all(isinstance(r.error, TOLD) for r in callers.errors), text
    refused = [r for r in callers.errors if isinstance(r.error, RemoteException)]
    assert all("shutting down" in str(r.error) for r in refused), text


def check_what_prometheus_saw(roll, since, text):
    """Each gateway is scraped until its process ends, draining or not, and again when it is back."""
    up = {labels["instance"]: found for labels, found in roll.prometheus.samples("up", since)}
    assert up.keys() == roll.away.keys()
    for instance, (begun, ended, ready) in roll.away.items():
        missed = [at for at, value in up[instance] if not value]
        assert all(ended - SCRAPE_S < at < ready + SCRAPE_S for at in missed), text
        draining = [value for at, value in up[instance] if begun < at < begun + DRAIN_DELAY_S]
        assert 1 in draining, text
        starts = f'changes(process_start_time_seconds{{instance="{instance}"}}[10m])'
        assert [value for _, value in roll.prometheus.query(starts)] == [1], text
    alerts = roll.prometheus.samples('ALERTS{alertstate="firing"}', since)
    assert {labels["alertname"] for labels, _ in alerts} <= OF_THE_MACHINE, text


def figures(roll, took_s, since):
    callers = roll.callers
    kinds = collections.Counter((r.kind, type(r.error).__name__) for r in callers.errors)
    ratios = roll.prometheus.samples("job_instance:zerogate_failures:ratio_rate5m", since)
    worst = max(value for _, found in ratios for _, value in found)
    missed = sum(not value for _, found in roll.prometheus.samples("up", since) for _, value in found)
    return (
        f"{callers.sent} calls in {took_s:.1f} s ({len(callers.records) / took_s:.0f}/s), slowest "
        f"{callers.slowest_s():.2f} s, errors {dict(kinds)}, at worst {worst:.2%} of a gateway's "
        f"in 8 s; {missed} scrapes missed"
    )


async def test_a_rolling_deployment_hangs_no_call(
    start_bridge, start_backend, clients, haproxy, record_property
):
    services = [start_backend("tcp") for _ in range(2)]
    config = one_backend(*(one.url for one in services), timeout="5s")
    config["drain_delay"] = f"{DRAIN_DELAY_S}s"
    gateways = [await start_bridge(config=config) for _ in range(2)]
    front = await asyncio.to_thread(haproxy, gateways, "httpchk")
    with watched(gateways) as prometheus:
        async with open_callers(clients, front, pause_s=PAUSE_S) as callers:
            roll = Roll(gateways, services, prometheus, callers)
            # It has found all its targets absent before it first asked them.
            await eventually(lambda: not prometheus.firing(), "no alert is left of its start")
            began, since = time.monotonic(), time.time()
            await roll.run(front, clients)
            took_s = time.monotonic() - began
        text = figures(roll, took_s, since)  # leaving the load has waited for every call
        record_property("rolling", text)
        print(text)
        check_calls(roll, text)
        check_what_prometheus_saw(roll, since, text)
