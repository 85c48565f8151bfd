"""Which backend a call goes to, and which of its endpoints; what is counted on the way."""

import asyncio
import time

import msgspec
import pytest
from zero.error import MethodNotFoundException, RemoteException, ZeroException

from bridging import ATTEMPTS, REQUESTS, all_up, in_flight
from clients import KINDS
from scripted_backend import SCRIPTED, ScriptedTcp, silent
from test_redis_faults import check_sum
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

LINKS = {"tcp": 24, "zmq": 1}  # connections to each endpoint, by default

protocols = pytest.mark.parametrize("protocol", ["tcp", "zmq"])


def named(name):
    """A script that answers everything with this name."""
    reply = msgspec.msgpack.encode(name)
    functions = ("hello_world", "save_order", "save_x", "get_order", "get_x", "other")
    return {function: lambda call: call.reply(reply) for function in functions}


@pytest.mark.parametrize("protocols", [("tcp", "zmq"), ("zmq", "tcp")], ids="-".join)
async def test_first_route_that_matches(kind, protocols, start_bridge, clients):
    one, two = (SCRIPTED[protocol](named(n)) for protocol, n in zip(protocols, ("one", "two")))
    async with one, two:
        routes = [
            {"functions": ["save_*", "get_order"], "backend": "one"},
            {"functions": ["save_order", "get_*"], "backend": "two"},
        ]
        backends = {"one": {"url": one.url}, "two": {"url": [two.url]}}
        gateway = await start_bridge(config={"backends": backends, "routes": routes})
        client = clients.open(kind, gateway)
        assert await client.call("save_order") == "one"
        assert await client.call("save_x") == "one"
        assert await client.call("get_order") == "one"
        assert await client.call("get_x") == "two"
        for name in ("other", "hello_world", "xsave_x", "get"):  # no handlers where routes are
            with pytest.raises(MethodNotFoundException, match=f"^Function `{name}` not found!$"):
                await client.call(name)
        assert one.count("save_order") + two.count("save_order") == 1


async def test_local_handlers_come_before_routes(kind, start_bridge, clients):
    async with ScriptedTcp(named("backend")) as backend:
        gateway = await start_bridge(
            config={
                "handlers": ["hello_world", "save_order"],
                "backends": {"b": {"url": backend.url}},
                "routes": [{"functions": ["*"], "backend": "b"}],
            }
        )
        client = clients.open(kind, gateway)
        assert await client.call("hello_world") == "hello world"
        assert (await client.call("save_order", {"user_id": "1", "items": []}))["status"] == 0
        assert await client.call("get_order", "x") == "backend"
        assert await client.call("other") == "backend"
        assert [call.function for call in backend.received] == ["get_order", "other"]


async def test_time_limit_of_a_route(kind, start_bridge, start_backend, clients):
    backend = start_backend("tcp")
    gateway = await start_bridge(
        config={
            "backends": {"b": {"url": backend.url}},
            "routes": [
                {"functions": ["sleep_*"], "backend": "b", "timeout": "1s"},
                {"functions": ["*"], "backend": "b"},
            ],
        }
    )
    client = clients.open(kind, gateway)
    assert await client.call("sleep_ms", 1) == 1
    begun = time.monotonic()
    with pytest.raises(RemoteException, match="(?i)time|1000"):
        await client.call("sleep_ms", 10_000)
    assert 0.99 < time.monotonic() - begun < 1 + SLACK_S
    assert await client.call("block_ms", 1_200) == 1_200, "the other route has another limit"
    assert await client.call("sleep_ms", 1) == 1
    metrics = gateway.metrics()
    assert metrics.total(REQUESTS, outcome="timeout") == 1
    assert metrics.total(ATTEMPTS, outcome="timeout") == 1
    check_sum(gateway, 4 + (client.protocol == "zmq"))


@protocols
async def test_local_sockets(kind, protocol, start_bridge, clients, tmp_path):
    async with SCRIPTED[protocol](path=str(tmp_path / "socket")) as backend:
        client = clients.open(kind, await start_bridge(backend.url))
        assert await client.call("f", [1, "x"]) == [1, "x"]
        assert await client.call("f", "again") == "again"


@pytest.mark.parametrize("kind", KINDS)
async def test_ipv6_address(kind, start_bridge, clients):
    class OverIpv6(ScriptedTcp):
        host = "::1"
        url = property(lambda self: f"tcp://[::1]:{self.port}")

    try:
        backend = await OverIpv6().open()
    except OSError:
        pytest.skip("this machine has no ::1")
    gateway = await start_bridge(backend.url)
    client = clients.open(kind, gateway)
    assert await client.call("f", [1, "x"]) == [1, "x"]
    assert gateway.metrics().values("zerogate_backend_up", "endpoint") == {f"[::1]:{backend.port}"}
    await backend.close()


@protocols
async def test_host_name(kind, protocol, start_bridge, clients):
    """`localhost` may have an IPv6 address too, where nobody listens: no call goes there."""
    async with SCRIPTED[protocol]() as backend:
        gateway = await start_bridge(f"{protocol}://localhost:{backend.port}")
        client = clients.open(kind, gateway)
        for number in range(50):
            assert await client.call("f", number) == number


async def test_calls_are_spread_over_endpoints(kind, start_bridge, clients):
    async with ScriptedTcp(named("one")) as one, ScriptedTcp(named("two")) as two:
        gateway = await start_bridge(one.url, two.url)
        await until(all_up(gateway, 2), PATIENCE_S, "both endpoints are up")
        client = clients.open(kind, gateway, parallel=10)
        for _ in range(200):  # one after the other: the loads are equal each time
            await client.call("other")
        assert one.count("other") + two.count("other") == 200
        assert min(one.count("other"), two.count("other")) > 40
        await asyncio.gather(*(client.call("other") for _ in range(200)))
        assert min(one.count("other"), two.count("other")) > 80


async def test_busy_endpoint_gets_less(start_bridge, clients):
    async with ScriptedTcp({"f": silent}) as busy, ScriptedTcp() as idle:
        gateway = await start_bridge(busy.url, idle.url)
        await until(all_up(gateway, 2), PATIENCE_S, "both endpoints are up")
        client = clients.open("zmq_async", gateway)
        stuck = []
        for number in range(100):
            call = asyncio.create_task(client.call("f", number))
            if not (await asyncio.wait([call], timeout=0.25))[0]:
                stuck.append(call)
                assert len(stuck) <= 2, "calls go where others are stuck already"
        assert idle.count("f") == 100 - len(stuck)
        for call in stuck:
            call.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


@protocols
async def test_metrics_of_a_backend(kind, protocol, start_bridge, start_backend, clients):
    backend = start_backend(protocol)
    gateway = await start_bridge(backend.url)
    metrics = gateway.metrics()
    assert metrics.total(ATTEMPTS) == 0, "every series is there from the start"
    assert metrics.total("zerogate_backend_queue") == 0
    links = lambda: gateway.metrics().total("zerogate_backend_connections")
    await until(lambda: links() == LINKS[protocol], PATIENCE_S, "the links are up before they are needed")
    [(labels, up)] = gateway.metrics().select("zerogate_backend_up")
    assert up == 1
    assert labels["endpoint"] == backend.address

    client = clients.open(kind, gateway)
    for number in range(20):
        await client.call("echo", number)
    for function in ("boom", "nope"):
        with pytest.raises(ZeroException):
            await client.call(function, "x")
    check_sum(gateway, 22 + (client.protocol == "zmq"))
    metrics = gateway.metrics()
    labels = {"backend": labels["backend"], "endpoint": backend.address}
    assert metrics.total(ATTEMPTS, **labels, outcome="ok") == 20
    assert metrics.total(ATTEMPTS, **labels) == 22
    assert metrics.total("zerogate_backend_request_duration_seconds_count") == 22
    local = client.protocol == "zmq"  # the gateway answers `connect` by itself
    assert metrics.total(REQUESTS, outcome="ok") == 20 + local
    assert metrics.total(REQUESTS, outcome="error") == 1
    assert metrics.total(REQUESTS, outcome="not_found") == 1


async def test_drain_answers_what_is_under_way(start_bridge, start_backend, clients):
    gateway = await start_bridge(start_backend("tcp").url)
    flying = [clients.open(kind, gateway) for kind in KINDS]
    await asyncio.gather(*(client.call("hello_world") for client in flying))
    calls = [asyncio.create_task(client.call("sleep_ms", 500)) for client in flying]
    await until(in_flight(gateway, len(calls)), PATIENCE_S, "three calls in flight")
    gateway.terminate()
    assert await asyncio.gather(*calls) == [500] * len(calls)
    await asyncio.to_thread(gateway.wait_for_exit)
