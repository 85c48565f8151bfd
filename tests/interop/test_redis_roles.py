"""Redis as it is run: it closes idle connections, becomes a replica, is a cluster's node, loads, and
knows users who may do little. A connection that serves no more is replaced, with one line in the
log, and callers are told the truth."""

import asyncio
import os
import time
import uuid

import pytest
from zero.error import RemoteException

from gateway import Gateway
from own_hosts import OwnHosts
from own_port import own_port
from redis_server import RedisServer
from test_load import saves_again
from test_redis_faults import RETURN_S
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

ORDER = {"user_id": "1", "items": ["apple", "python"]}
SLOTS = 16384
LEAST = ["-@all", "+get", "+set", "+ping", "+select"]  # as README says


@pytest.fixture
def start_redis():
    servers = []

    def start(**options):
        servers.append(RedisServer(**options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.resume()
        server.close()


async def told(gateway, count):
    """So many lines about Redis are in the log, in their order, and not more."""
    words = ("redis up", "redis down", "redis is a cluster")

    def lines():
        return [line for line in gateway.lines if any(f'event="{word}' in line for word in words)]

    await until(lambda: len(lines()) >= count, PATIENCE_S, f"{count} lines about Redis")
    assert len(lines()) == count, gateway.log
    return lines()


async def fails(client, error):
    with pytest.raises(RemoteException, match=error) as raised:
        await client.call("save_order", ORDER)
    return str(raised.value)


async def fails_until(client, error):
    """Saves until the error comes: the gateway has not noticed yet."""

    async def failed():
        try:
            await client.call("save_order", ORDER)
        except RemoteException as raised:
            return error in str(raised)
        return False

    deadline = time.monotonic() + PATIENCE_S
    while not await failed():
        assert time.monotonic() < deadline, f"no error {error}"


async def test_an_idle_close_is_seen_by_no_caller(gateway, own_redis, clients):
    client = clients.open("tcp", gateway)
    control = own_redis.client()
    saved = [await client.call("save_order", ORDER)]
    for _ in range(50):
        # What `timeout` does. The gateway may have seen it or not when it sends the next command.
        assert control.execute_command("CLIENT KILL TYPE normal SKIPME yes") >= 1
        saved += await asyncio.gather(*(client.call("save_order", ORDER) for _ in range(3)))
    ids = [order["order_id"] for order in saved]
    assert control.exists(*ids) == len(set(ids)) == control.dbsize(), "none is saved twice"
    await told(gateway, 1)  # `redis up` of the start
    metrics = gateway.metrics()
    assert metrics.total("zerogate_redis_commands_total", outcome="ok") == len(ids)
    assert metrics.total("zerogate_redis_commands_total") == len(ids)
    assert metrics.total("zerogate_redis_up") == 1


async def test_a_failover_moves_the_name(request, tmp_path, start_redis, clients):
    binary = request.config.getoption("--zerogate")
    hosts = OwnHosts(tmp_path, binary, "primary")
    old = start_redis()
    new = start_redis(host="127.0.0.2", port=old.port)
    hosts("127.0.0.1")
    gateway = Gateway(hosts.program, f"redis://primary:{old.port}/0")
    await asyncio.to_thread(gateway.start)
    try:
        client = clients.open("tcp", gateway)
        before = await client.call("save_order", ORDER)
        assert old.client().exists(before["order_id"])

        old.client().replicaof("127.0.0.2", str(new.port))
        text = await fails(client, "redis unavailable: READONLY")
        assert text.endswith(f"(primary:{old.port} at 127.0.0.1)")
        # It goes on trying: the old one answers PING and takes no order, and the name stands still.
        attempts = old.client().info("stats")["total_connections_received"]
        await until(
            lambda: old.client().info("stats")["total_connections_received"] > attempts + 10,
            PATIENCE_S,
            "it is tried again (by us as well)",
        )
        await fails(client, "redis unavailable: READONLY")
        assert gateway.metrics().total("zerogate_redis_up") == 0
        assert gateway.readyz()[0] == 200, "other functions go on"

        hosts("127.0.0.2")
        after = await saves_again(client, RETURN_S)
        assert new.client().exists(after["order_id"])
        assert gateway.metrics().total("zerogate_redis_up") == 1
        _, down, up = await told(gateway, 3)
        assert "redis down" in down and "READONLY" in down
        assert "redis up" in up
    finally:
        gateway.close()


@pytest.mark.parametrize("word", ["READONLY", "MASTERDOWN"])
async def test_a_replica_is_down_until_it_is_a_primary(gateway, own_redis, clients, word):
    client = clients.open("tcp", gateway)
    order = await client.call("save_order", ORDER)
    control = own_redis.client()
    if word == "MASTERDOWN":  # the answer to any command but a SET
        control.config_set("replica-serve-stale-data", "no")
    control.replicaof("127.0.0.1", "1")  # nobody is there
    if word == "MASTERDOWN":
        with pytest.raises(RemoteException, match="redis unavailable: MASTERDOWN"):
            await client.call("get_order", order["order_id"])
    else:
        await fails(client, "redis unavailable: READONLY")
    await fails(client, f"redis unavailable: {word}")
    assert gateway.metrics().total("zerogate_redis_up") == 0
    control.replicaof("no", "one")
    await saves_again(client, RETURN_S)
    _, down, up = await told(gateway, 3)
    assert word in down and "redis up" in up


async def test_a_redis_that_loads_is_down_until_it_has_loaded(start_gateway, start_redis, clients):
    redis = start_redis(options=["--key-load-delay", "0"])
    control = redis.client()
    for key in range(100):
        control.set(f"key{key}", os.urandom(2_000))
    control.save()
    gateway = start_gateway(redis.url())
    client = clients.open("tcp", gateway)
    await client.call("save_order", ORDER)
    redis.kill()
    # Each key takes half a second, and it looks at its sockets at each kilobyte.
    slowly = ["--key-load-delay", "500000", "--loading-process-events-interval-bytes", "1024"]
    redis.restart(options=slowly, loading=True)
    await fails_until(client, "redis unavailable: LOADING")
    control.config_set("key-load-delay", 0)
    await saves_again(client, RETURN_S)
    await told(gateway, 3)
    assert await client.call("hello_world") == "hello world"


async def test_a_password_that_comes_later(gateway, own_redis, clients):
    client = clients.open("tcp", gateway)
    control = own_redis.client()
    control.config_set("requirepass", "secret")
    assert await client.call("save_order", ORDER), "connections keep their user"
    control.execute_command("CLIENT KILL TYPE normal SKIPME yes")
    await fails_until(client, "redis unavailable: NOAUTH")
    control.config_set("requirepass", "")
    await saves_again(client, RETURN_S)
    _, down, up = await told(gateway, 3)
    assert "NOAUTH" in down and "redis up" in up


async def test_a_cluster_is_said_to_be_unsupported(start_gateway, start_redis, clients):
    buses = own_port(), own_port()  # the nodes' own connections; by default 10,000 above the port
    options = ["--cluster-enabled", "yes", "--cluster-port"]
    nodes = [start_redis(options=[*options, str(bus)]) for bus in buses]
    controls = [node.client() for node in nodes]
    gateway = start_gateway(nodes[0].url())
    client = clients.open("tcp", gateway)
    await fails(client, "redis unavailable: CLUSTERDOWN")  # no node has a slot yet

    half = SLOTS // 2
    controls[0].execute_command("CLUSTER ADDSLOTSRANGE", 0, half - 1)
    controls[1].execute_command("CLUSTER ADDSLOTSRANGE", half, SLOTS - 1)
    controls[0].execute_command("CLUSTER MEET", "127.0.0.1", nodes[1].port, buses[1])

    def is_whole():
        return controls[0].execute_command("CLUSTER INFO")["cluster_state"] == "ok"

    await until(is_whole, PATIENCE_S, "the nodes know each other")
    await until(lambda: gateway.metrics().total("zerogate_redis_up") == 1, RETURN_S, "it is up")
    outcomes = {"saved": 0, "moved": 0}
    for _ in range(50):  # half of them: their ids are chance
        try:
            await client.call("save_order", ORDER)
            outcomes["saved"] += 1
        except RemoteException as error:
            assert "redis is a cluster, which is not supported" in str(error)
            assert "127.0.0.1" not in str(error) and "MOVED" not in str(error)
            outcomes["moved"] += 1
    assert min(outcomes.values()) > 0
    _, down, up, cluster = await told(gateway, 4)
    assert "CLUSTERDOWN" in down and "redis up" in up
    assert "redis is a cluster, which is not supported" in cluster
    assert f"redis=127.0.0.1:{nodes[0].port}" in cluster


@pytest.mark.parametrize("database", [0, 1])
@pytest.mark.parametrize("rules", [LEAST, [rule for rule in LEAST if rule != "+ping"]], ids=len)
async def test_a_user_who_may_do_little(start_gateway, own_redis, clients, rules, database):
    control = own_redis.client(database)
    control.execute_command("ACL SETUSER", "zerogate", "on", ">pw", "~*", *rules)
    url = f"redis://zerogate:pw@127.0.0.1:{own_redis.port}/{database}"
    gateway = start_gateway(url)
    client = clients.open("tcp", gateway)
    order = await client.call("save_order", ORDER)
    stored = await client.call("get_order", order["order_id"])
    assert stored["items"] == ORDER["items"]
    assert control.exists(order["order_id"])
    await told(gateway, 1)

    # What it must not do is told, costs that call alone, and is no outage.
    control.execute_command("ACL SETUSER", "zerogate", "-set")
    text = await fails(client, "NOPERM")
    assert "set" in text
    with pytest.raises(RemoteException, match="not found"):
        await client.call("get_order", str(uuid.uuid4()))
    await told(gateway, 1)


async def test_without_permission_for_ping_a_refusal_is_noticed(start_gateway, own_redis, clients):
    control = own_redis.client()
    control.execute_command("ACL SETUSER", "zerogate", "on", ">pw", "~*", "-@all", "+get", "+set")
    gateway = start_gateway(f"redis://zerogate:pw@127.0.0.1:{own_redis.port}/0")
    client = clients.open("tcp", gateway)
    await client.call("save_order", ORDER)
    control.replicaof("127.0.0.1", "1")
    await fails(client, "redis unavailable: READONLY")
    control.replicaof("no", "one")
    await saves_again(client, RETURN_S)
    await told(gateway, 3)


async def test_only_those_fail_who_have_waited(start_gateway, own_redis, clients):
    """Redis stands still: who comes late waits on, and nothing is sent twice."""
    gateway = start_gateway(own_redis.url(), environment={"ZEROGATE_REDIS_TIMEOUT": "3s"})
    client = clients.open("zmq_async", gateway)
    control = own_redis.client()
    await client.call("save_order", ORDER)
    own_redis.pause()
    early = [asyncio.create_task(client.call("save_order", ORDER)) for _ in range(5)]
    done, _ = await asyncio.wait(early, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert done
    late = [asyncio.create_task(client.call("save_order", ORDER)) for _ in range(5)]
    answers = await asyncio.gather(*early, return_exceptions=True)
    own_redis.resume()
    saved = await asyncio.gather(*late)
    for answer in answers:
        waited = int(str(answer).split("redis timed out after ")[1].split(" ms")[0])
        assert 3_000 <= waited < 6_000
    assert len({order["order_id"] for order in saved}) == 5
    wait_until(lambda: control.dbsize() == 1 + 5 + 5, PATIENCE_S, "all were done, once")
    await told(gateway, 1)
