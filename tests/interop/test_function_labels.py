"""Functions' labels over many reloads: what is routed has its own, whatever was routed before."""

import asyncio

import pytest

from bridging import REQUESTS
from scripted_backend import ScriptedTcp, echo
from test_bridge_reload import post_reload, write
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

RELOADS = 260  # more than there are labels
LABELS = 200


def configuration(backend, function):
    return {
        "backends": {"b": {"url": [backend.url]}},
        "routes": [{"functions": [function], "backend": "b"}],
    }


async def test_a_route_that_is_renamed_again_and_again_keeps_a_label(start_bridge, clients):
    async with ScriptedTcp({f"f{i}": echo for i in range(RELOADS + 1)}) as backend:
        gateway = await start_bridge(config=configuration(backend, "f0"))
        caller = clients.open("tcp", gateway)
        assert await caller.call("f0", 0) == 0
        for i in range(1, RELOADS + 1):
            write(gateway, configuration(backend, f"f{i}"))
            assert (await asyncio.to_thread(post_reload, gateway))[0] == 200
        last = f"f{RELOADS}"
        routed = lambda: last in gateway.metrics().values(REQUESTS, "function")
        await until(routed, PATIENCE_S, "the last function has its label")
        assert await caller.call(last, 7) == 7
        metrics = gateway.metrics()
        assert metrics.total(REQUESTS, function=last, outcome="ok") == 1
        assert metrics.total(REQUESTS, function="f0", outcome="ok") == 1, "it was called lately"
        assert metrics.total(REQUESTS, function="_other") == 0
        assert metrics.total("zerogate_requests_in_flight") == 0
        assert metrics.total("zerogate_function_labels") < LABELS
        assert "function labels" not in gateway.log
