"""A name server of the gateway's own: one that never answers, fails, says that a name does not exist,
tells a part of the addresses, or both families."""

import asyncio
import time

import pytest

from bridging import calls_until_answered
from gateway import Gateway
from own_names import NXDOMAIN, SERVFAIL, own_names  # noqa: F401: a fixture
from scripted_backend import ScriptedTcp
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

RESOLVE_S = 0.1


@pytest.fixture
def start_named(tmp_path, own_names):
    """Starts a gateway with this configuration that asks `own_names`."""
    gateways = []

    async def start(config, redis_url, *arguments):
        file = tmp_path / "zerogate.yaml"
        file.write_text(config)
        gateways.append(Gateway(own_names.program, redis_url, ["--config", str(file), *arguments]))
        return await asyncio.to_thread(gateways[-1].start)

    yield start
    for gateway in gateways:
        gateway.close()


def to_orders(port):
    return (
        f"backends: {{b: {{url: 'tcp://orders.test:{port}', resolve: 100ms, connections: 2}}}}\n"
        "routes: [{functions: ['*'], backend: b}]\n"
    )


def up(gateway):
    """The addresses that take calls."""
    series = gateway.metrics().select("zerogate_backend_up")
    return {labels["endpoint"].rsplit(":", 1)[0] for labels, value in series if value}


async def look_ups(own_names, count):
    """Until so many questions more have been asked, and the one before them answered."""
    seen = own_names.asked.get("orders.test", 0)
    await until(
        lambda: own_names.asked.get("orders.test", 0) >= seen + count + 1, PATIENCE_S, "look-ups"
    )


async def test_a_name_server_that_never_answers_delays_nothing_else(
    start_named, own_names, own_redis, clients
):
    """Its look-up takes minutes. Readiness, another name, Redis by name, and the end wait for none."""
    async with ScriptedTcp() as server:
        own_names.names = {"orders.test": ["127.0.0.1"], "redis.test": ["127.0.0.1"]}
        config = (
            "backends:\n"
            "  dead: {url: ['tcp://dead.test:1', 'tcp://dead2.test:1', 'tcp://dead3.test:1',"
            " 'tcp://dead4.test:1', 'tcp://dead5.test:1']}\n"
            f"  b: {{url: 'tcp://orders.test:{server.port}', resolve: 100ms}}\n"
            "routes: [{functions: ['x*'], backend: dead}, {functions: ['f'], backend: b}]\n"
            "handlers: [save_order]\n"
        )
        redis_url = f"redis://redis.test:{own_redis.port}"
        begun = time.monotonic()
        gateway = await start_named(config, redis_url, "--threads", "4")
        assert time.monotonic() - begun < 1 + SLACK_S  # connect_timeout is 1 s
        client = clients.open("tcp", gateway)
        assert await client.call("f", 1) == 1
        with pytest.raises(Exception, match="backend 'dead' unavailable: the name server"):
            await client.call("x")
        own_redis.kill()
        own_redis.restart()
        order = {"user_id": "1", "items": ["apple"]}
        await until_saved(client, order)
        begun = time.monotonic()
        await asyncio.to_thread(gateway.stop)
        assert time.monotonic() - begun < SLACK_S


async def until_saved(client, order):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await client.call("save_order", order)
        except Exception as error:
            assert time.monotonic() < deadline, error
            await asyncio.sleep(0.02)


async def test_failures_keep_the_addresses_and_nxdomain_takes_them(
    start_named, own_names, redis, clients
):
    async with ScriptedTcp() as server:
        own_names.names["orders.test"] = ["127.0.0.1"]
        gateway = await start_named(to_orders(server.port), redis.url())
        client = clients.open("tcp", gateway)
        assert await client.call("f", 1) == 1
        for said in (SERVFAIL, NXDOMAIN):
            own_names.names["orders.test"] = said
            await look_ups(own_names, 3)
            assert await client.call("f", said) == said  # on the connections that are there
        assert gateway.told("name not resolved")
        accepted = server.accepted
        for connection in list(server.connections):
            connection.close()
        await until(lambda: not up(gateway), PATIENCE_S, "the connections are gone")
        await look_ups(own_names, 3)
        assert server.accepted == accepted
        with pytest.raises(Exception, match="does not exist"):
            await client.call("f", 5)
        own_names.names["orders.test"] = ["127.0.0.1"]
        await calls_until_answered(client, "f")


async def test_rotating_and_partial_answers_change_nothing(start_named, own_names, redis):
    addresses = [f"127.0.1.{i}" for i in range(1, 25)]
    servers = []
    for address in addresses:
        server = ScriptedTcp()
        server.host = address
        server.port = servers[0].port if servers else server.port
        servers.append(await server.__aenter__())
    own_names.names["orders.test"] = addresses
    gateway = await start_named(to_orders(servers[0].port), redis.url())
    await until(lambda: up(gateway) == set(addresses), PATIENCE_S, "all are up")
    accepted = sum(server.accepted for server in servers)
    for turn in range(12):
        shift = addresses[turn * 5 % 24 :] + addresses[: turn * 5 % 24]
        own_names.names["orders.test"] = shift if turn % 2 else shift[:12]
        await look_ups(own_names, 0)
    assert sum(server.accepted for server in servers) == accepted
    assert up(gateway) == set(addresses)
    assert "endpoint gone" not in gateway.log
    for server in servers:
        await server.__aexit__(None, None, None)


async def test_both_families_are_used(start_named, own_names, redis):
    """And the address that nobody listens on is no alarm."""
    async with ScriptedTcp() as server:
        own_names.names["orders.test"] = ["::1", "127.0.0.1"]
        gateway = await start_named(to_orders(server.port), redis.url())
        await until(lambda: up(gateway) == {"127.0.0.1"}, PATIENCE_S, "the one is up")
        series = gateway.metrics().select("zerogate_backend_up")
        assert [value for _, value in series] == [1]
