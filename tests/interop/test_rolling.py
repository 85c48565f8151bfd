"""A deployment as an operator does it: behind a HAProxy two gateways, behind these two real services,
all replaced one after another under the load of real clients of both protocols."""

import asyncio
import collections
import time

import pytest
from zero.error import ConnectionException, RemoteException, TimeoutException

from bridge_load import open_callers
from bridging import all_up, one_backend
from test_backends_by_hand import endpoint, order
from test_drain import haproxy_fixture, post  # noqa: F401: a fixture
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

SOME = 200  # calls between two steps
CLIENT_TIMEOUT_S = 15  # clients.TIMEOUT_MS
SLACK_S = 2.5  # for a busy machine
# Callers of one ZeroMQ client share a connection. What they have sent and the gateway has not read when
# its process ends goes with that connection, and Zero's clients neither see it end nor ask again.
MOST_LOST_OF_A_GATEWAY = 14  # all callers over ZeroMQ, once


async def on_each(gateways, action, service):
    for gateway in gateways:
        status, text = await asyncio.to_thread(order, gateway, action, service.address, "deploy")
        assert status == 200, text


async def replace_service(service, gateways):
    """No call may notice."""
    await on_each(gateways, "drain", service)
    for gateway in gateways:
        empty = lambda gateway=gateway: endpoint(gateway, service.address)["connections"] == 0
        await until(empty, PATIENCE_S, "its calls have ended")
    service.kill()
    await asyncio.to_thread(service.start)
    await on_each(gateways, "enable", service)
    for gateway in gateways:
        await until(all_up(gateway, 2), PATIENCE_S, "it is used again")


async def replace_gateway(gateway, front, clients):
    assert await asyncio.to_thread(post, gateway, "/drain") == 200
    await asyncio.to_thread(gateway.wait_for_exit)
    await asyncio.to_thread(gateway.start)
    deadline = time.monotonic() + PATIENCE_S
    while not gateway.metrics().total("zerogate_requests_total", protocol="tcp"):
        assert time.monotonic() < deadline, "HAProxy gives it no connection"
        newcomer = clients.open("tcp", front, parallel=1)
        await newcomer.call("who_am_i")
        await clients.close(newcomer)


async def test_a_rolling_deployment_hangs_no_call(
    start_bridge, start_backend, clients, haproxy, record_property
):
    services = [start_backend("tcp") for _ in range(2)]
    config = one_backend(*(one.url for one in services), timeout="5s")
    config["drain_delay"] = "500ms"  # ten checks of HAProxy's
    gateways = [await start_bridge(config=config) for _ in range(2)]
    front = await asyncio.to_thread(haproxy, gateways, "httpchk")
    windows = []  # (from, to): a gateway was leaving
    async with open_callers(clients, front) as callers:
        go_on = lambda since: until(
            lambda: callers.answered_since(since) >= SOME, 20, "the load goes on"
        )
        began = time.monotonic()
        await go_on(began)
        for service in services:
            await replace_service(service, gateways)
            await go_on(time.monotonic())
        for gateway in gateways:
            left = time.monotonic()
            await replace_gateway(gateway, front, clients)
            windows.append((left, time.monotonic()))
            await go_on(time.monotonic())
        took_s = time.monotonic() - began
    # finish() has waited for every caller: there is a record of each call.
    assert len(callers.records) == callers.sent
    assert callers.slowest_s() < CLIENT_TIMEOUT_S + SLACK_S

    kinds = collections.Counter((r.kind, type(r.error).__name__) for r in callers.errors)
    rate = len(callers.records) / took_s
    text = f"{callers.sent} calls in {took_s:.1f} s ({rate:.0f}/s), errors {dict(kinds)}"
    record_property("rolling", text)
    print(text)
    # The services' deployment costs no call; a gateway's only those on connections that end with it.
    in_window = lambda record: any(a <= record.ended and record.begun <= b for a, b in windows)
    assert all(in_window(r) for r in callers.errors), text
    lost = [r for r in callers.errors if isinstance(r.error, TimeoutException)]
    assert not [r for r in lost if r.kind == "tcp"], text
    assert len(lost) <= MOST_LOST_OF_A_GATEWAY * len(gateways), text
    told = (RemoteException, ConnectionException, TimeoutException)
    assert all(isinstance(r.error, told) for r in callers.errors), text
    refused = [r for r in callers.errors if isinstance(r.error, RemoteException)]
    assert all("shutting down" in str(r.error) for r in refused), text
