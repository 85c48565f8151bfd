"""A backend's host name that changes its addresses, as in docker-compose when a service is scaled or
restarted. The gateway gets an /etc/hosts of its own, in a mount namespace: nothing else on the
machine sees it."""

import asyncio
import json

import pytest

from gateway import Gateway
from own_hosts import OwnHosts
from scripted_backend import ScriptedTcp
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway


class Second(ScriptedTcp):
    host = "127.0.0.2"


@pytest.fixture
def hosts(request, tmp_path):
    """Sets the addresses of the name `orders`."""
    return OwnHosts(tmp_path, request.config.getoption("--zerogate"), "orders")


@pytest.fixture
def start_named(tmp_path, redis, hosts):
    """Starts a gateway that forwards to orders:PORT."""
    gateways = []

    async def start(port):
        config = tmp_path / "zerogate.yaml"
        config.write_text(
            f"backends: {{b: {{url: 'tcp://orders:{port}', resolve: 100ms, connections: 2}}}}\n"
            "routes: [{functions: ['*'], backend: b}]\n"
        )
        gateways.append(Gateway(hosts.program, redis.url(), ["--config", str(config)]))
        return await asyncio.to_thread(gateways[-1].start)

    yield start
    for gateway in gateways:
        gateway.close()


def endpoints(gateway):
    """The addresses that take calls."""
    up = gateway.metrics().select("zerogate_backend_up")
    return {labels["endpoint"].split(":")[0] for labels, value in up if value}


async def test_a_name_changes_its_addresses(start_named, hosts, clients):
    async with ScriptedTcp() as first:
        second = Second()
        second.port = first.port  # a URL has one port for all addresses of its name
        async with second:
            hosts("127.0.0.1")
            gateway = await start_named(first.port)
            client = clients.open("zmq_async", gateway)
            calls = 0

            async def call(times):
                nonlocal calls
                for _ in range(times):
                    calls += 1
                    assert await client.call("f", calls) == calls

            await until(lambda: endpoints(gateway) == {"127.0.0.1"}, PATIENCE_S, "one address")
            await call(10)
            assert (first.count("f"), second.count("f")) == (10, 0)

            hosts("127.0.0.1", "127.0.0.2")
            await until(lambda: endpoints(gateway) == {"127.0.0.1", "127.0.0.2"}, PATIENCE_S, "two")
            await call(200)
            assert first.count("f") > 10 and second.count("f") > 0

            hosts("127.0.0.2")
            await until(lambda: endpoints(gateway) == {"127.0.0.2"}, PATIENCE_S, "the other one")
            before = first.count("f")
            await call(10)
            assert first.count("f") == before

            hosts()  # the name is gone: its last address goes on
            await asyncio.sleep(0.5)  # some look-ups later
            await call(10)
            assert first.count("f") + second.count("f") == calls, "no call was sent twice"


async def test_a_name_that_comes_later(start_named, hosts, clients):
    async with ScriptedTcp() as backend:
        gateway = await start_named(backend.port)
        client = clients.open("tcp", gateway)
        with pytest.raises(Exception, match="backend 'b' unavailable"):
            await client.call("f", 1)
        told = json.loads(gateway.get("/backends")[1])
        assert told["endpoints"] == [] and [one["backend"] for one in told["without_endpoints"]] == ["b"]
        shown = json.loads(gateway.get("/status.json")[1])
        assert shown["without_endpoints"] == told["without_endpoints"]
        hosts("127.0.0.1")
        await until(lambda: endpoints(gateway) == {"127.0.0.1"}, PATIENCE_S, "it is found")
        assert await client.call("f", 2) == 2
