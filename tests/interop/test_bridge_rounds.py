"""Gateways whose routes lead to each other: a call that goes round ends at once, with an error that
says so, over any mix of protocols. Gateways that serve each other are no such thing."""

import time

import pytest

from bridging import fails, one_backend
from scripted_backend import ScriptedTcp
from test_bridge_reload import hang_up, write
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway


def url(protocol, gateway):
    port = {"tcp": gateway.tcp_port, "zmq": gateway.zmq_port}[protocol]
    return f"{protocol}://127.0.0.1:{port}"


async def ring(start_bridge, protocols):
    """One gateway for each protocol, by which it calls the one before it; the first calls the last."""
    async with ScriptedTcp() as elsewhere:  # until the last gateway's port is known
        gateways = [await start_bridge(config=one_backend(elsewhere.url))]
        for protocol in protocols[1:]:
            gateways.append(await start_bridge(url(protocol, gateways[-1])))
        write(gateways[0], one_backend(url(protocols[0], gateways[-1])))
        hang_up(gateways[0])
        endpoint = url(protocols[0], gateways[-1]).split("//")[1]
        closed = lambda: gateways[0].metrics().select("zerogate_backend_up") == [
            ({"backend": "b", "endpoint": endpoint}, 1.0)
        ]
        await until(closed, PATIENCE_S, "the ring is closed, and nothing is left of the backend elsewhere")
    return gateways


@pytest.mark.parametrize(
    "protocols",
    [["tcp", "tcp"], ["zmq", "zmq"], ["tcp", "zmq"], ["zmq", "tcp", "tcp"], ["zmq", "zmq", "tcp", "zmq"]],
    ids="-".join,
)
async def test_a_call_that_goes_round_is_refused(protocols, kind, start_bridge, clients):
    gateways = await ring(start_bridge, protocols)
    client = clients.open(kind, gateways[0])
    begun = time.monotonic()
    for _ in range(3):
        await fails(client.call("f"), SLACK_S, "the call has come through 8 gateways")
    assert time.monotonic() - begun < SLACK_S
    total = lambda g: g.metrics().total("zerogate_requests_total", function="_other")
    await until(lambda: sum(map(total, gateways)) == 3 * 9, PATIENCE_S, "each has counted its last call")
    told = lambda: sum(g.log.count("calls go round between gateways") for g in gateways)
    await until(told, PATIENCE_S, "the log tells it")
    assert told() == 1


@pytest.mark.parametrize("protocol", ["tcp", "zmq"])
async def test_gateways_may_serve_each_other(protocol, kind, start_bridge, clients):
    async with ScriptedTcp() as server:
        one = await start_bridge(config=one_backend(server.url))
        other = await start_bridge(url(protocol, one))  # all but its own functions
        backends = {"server": {"url": server.url}, "other": {"url": url(protocol, other)}}
        routes = [{"functions": ["f"], "backend": "server"}, {"functions": ["*"], "backend": "other"}]
        write(one, {"backends": backends, "routes": routes, "handlers": ["echo"]})
        hang_up(one)
        client = clients.open(kind, other)
        assert await client.call("f", 1) == 1
        assert await client.call("echo", "two") == "two"
