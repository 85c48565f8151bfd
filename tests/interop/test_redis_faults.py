"""Redis is killed, stopped, away: every call is answered, in time, and counted."""

import asyncio
import os
import subprocess
import time
import uuid

import msgspec
import pytest
from zero.error import RemoteException

from clients import KINDS
from raw import Load
from redis_server import RedisServer
from test_load import saves_again
from waiting import PATIENCE_S, SLACK_S, until, wait_until

pytestmark = pytest.mark.gateway

ORDER = {"user_id": "1", "items": ["apple", "python"]}
ORDER_BYTES = msgspec.msgpack.encode(ORDER)
CONNECTIONS, DEPTH = 64, 4
# The longest that a caller may wait for an answer, whatever Redis does: redis.timeout.
SLOWEST_S = 1 + SLACK_S
# From a Redis that takes commands again to the first order saved: it is tried every second, and half
# as much later (RedisOptions::backoff_max_ms).
RETURN_S = 1.5 + SLACK_S
SOME = 1_000  # calls: enough that each connection has seen what there is to see


class Hello:
    """Calls hello_world on a real client all the time, and remembers the slowest."""

    def __init__(self, client):
        self.client = client
        self.calls = 0
        self.slowest_s = 0.0
        self._running = True
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        while self._running:
            begun = time.monotonic()
            assert await self.client.call("hello_world") == "hello world"
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
            self.calls += 1

    async def finish(self):
        self._running = False
        await self._task


async def finish(load):
    load.stop_sending()
    await until(lambda: load.in_flight() == 0, PATIENCE_S, "every call is answered")
    load.close()


def check_answers(load):
    assert load.answered == load.sent
    assert load.lost_connections == 0
    assert load.slowest_s < SLOWEST_S
    for error in load.errors:
        [(key, text)] = msgspec.msgpack.decode(error).items()
        assert key == "__zerror__server_exception"
        assert "redis" in text.lower()


def check_sum(gateway, calls):
    """Calls counted by the callers = sum of all outcomes = durations, and nothing is in flight."""

    def agrees():
        metrics = gateway.metrics()
        settled = metrics.total("zerogate_requests_in_flight") == 0
        counted = metrics.total("zerogate_requests_total")
        timed = metrics.total("zerogate_request_duration_seconds_count")
        return settled and counted == timed == calls

    def found():
        metrics = gateway.metrics()
        total = metrics.total("zerogate_requests_total")
        in_flight = metrics.total("zerogate_requests_in_flight")
        return f"{calls} calls, {total} counted, {in_flight} in flight"

    wait_until(agrees, PATIENCE_S, found)


async def test_redis_killed_and_restarted_under_load(gateway, own_redis, clients):
    hello = Hello(clients.open("tcp", gateway, parallel=1))
    load = Load(gateway.tcp_port, "save_order", ORDER_BYTES, CONNECTIONS, DEPTH)
    await load.start()
    await until(lambda: load.ok >= SOME, PATIENCE_S, "orders are saved")

    own_redis.kill()
    failed, calls = load.failed, hello.calls
    await until(lambda: load.failed >= failed + SOME, PATIENCE_S, "calls fail at once")
    await until(lambda: hello.calls >= calls + 10, PATIENCE_S, "hello_world goes on without Redis")

    ok = load.ok
    await asyncio.to_thread(own_redis.restart)
    returned = time.monotonic()
    await until(lambda: load.ok > ok, RETURN_S, "an order is saved again")
    assert time.monotonic() - returned < RETURN_S
    await until(lambda: load.ok >= ok + SOME, PATIENCE_S, "orders are saved as before")

    await finish(load)
    await hello.finish()
    check_answers(load)
    assert hello.slowest_s < SLOWEST_S
    check_sum(gateway, load.sent + hello.calls)
    metrics = gateway.metrics()
    assert metrics.total("zerogate_requests_total", function="save_order", outcome="ok") == load.ok
    assert metrics.total("zerogate_redis_up") == 1


async def test_redis_stopped_and_continued_under_load(gateway, own_redis, clients):
    hello = Hello(clients.open("tcp", gateway, parallel=1))
    load = Load(gateway.tcp_port, "save_order", ORDER_BYTES, CONNECTIONS, DEPTH)
    await load.start()
    await until(lambda: load.ok >= SOME, PATIENCE_S, "orders are saved")

    own_redis.pause()
    failed, calls = load.failed, hello.calls
    await until(lambda: load.failed >= failed + CONNECTIONS * DEPTH, PATIENCE_S, "calls fail in time")
    await until(lambda: hello.calls >= calls + 10, PATIENCE_S, "hello_world goes on")
    assert load.oldest_s() < SLOWEST_S

    ok = load.ok
    own_redis.resume()
    await until(lambda: load.ok > ok, RETURN_S, "an order is saved again")
    await until(lambda: load.ok >= ok + SOME, PATIENCE_S, "orders are saved as before")

    await finish(load)
    await hello.finish()
    check_answers(load)
    check_sum(gateway, load.sent + hello.calls)


async def test_real_clients_when_redis_is_killed_and_restarted(gateway, own_redis, clients):
    running = True
    counts = {kind: {"sent": 0, "ok": 0, "failed": 0, "slowest_s": 0.0} for kind in KINDS}

    async def save_all_the_time(kind):
        client = clients.open(kind, gateway, parallel=1)
        count = counts[kind]
        while running:
            begun = time.monotonic()
            count["sent"] += 1
            try:
                await client.call("save_order", ORDER)
                count["ok"] += 1
            except RemoteException as error:  # and nothing else
                assert "redis" in str(error).lower()
                count["failed"] += 1
            count["slowest_s"] = max(count["slowest_s"], time.monotonic() - begun)

    def all_have(what, more):
        floor = {kind: counts[kind][what] + more for kind in KINDS}
        return lambda: all(counts[kind][what] >= floor[kind] for kind in KINDS)

    tasks = [asyncio.create_task(save_all_the_time(kind)) for kind in KINDS]
    await until(all_have("ok", 20), PATIENCE_S, "orders are saved")
    own_redis.kill()
    await until(all_have("failed", 20), PATIENCE_S, "calls fail")
    await asyncio.to_thread(own_redis.restart)
    await until(all_have("ok", 1), RETURN_S, "every client saves again")
    await until(all_have("ok", 20), PATIENCE_S, "orders are saved as before")
    running = False
    await asyncio.gather(*tasks)

    assert max(count["slowest_s"] for count in counts.values()) < SLOWEST_S
    connects = 2  # each ZeroMQ client begins with a request of its own
    check_sum(gateway, sum(count["sent"] for count in counts.values()) + connects)


async def test_redis_away_at_start(kind, start_gateway, clients):
    redis = RedisServer()
    try:
        # Ready all the same: it can say hello.
        gateway = start_gateway(redis.url(), environment={"ZEROGATE_REDIS_TIMEOUT": "10s"})
        client = clients.open(kind, gateway)
        assert await client.call("hello_world") == "hello world"
        begun = time.monotonic()
        for function, argument in (("save_order", ORDER), ("get_order", str(uuid.uuid4()))):
            with pytest.raises(RemoteException, match="(?i)redis"):
                await client.call(function, argument)
        assert time.monotonic() - begun < SLACK_S, "refused at once, and not when time is out"
        assert gateway.metrics().total("zerogate_redis_up") == 0

        redis.restart()
        await saves_again(client, RETURN_S)
        assert gateway.metrics().total("zerogate_redis_up") == 1
    finally:
        redis.close()


async def test_redis_killed_many_times(gateway, own_redis, clients):
    client = clients.open("tcp", gateway, parallel=1)
    for _ in range(5):
        await saves_again(client, RETURN_S)
        own_redis.kill()
        begun = time.monotonic()
        with pytest.raises(RemoteException, match="(?i)redis"):
            await client.call("save_order", ORDER)
        assert time.monotonic() - begun < SLOWEST_S
        own_redis.restart()
    await saves_again(client, RETURN_S)


# In a network of its own, whose only ephemeral port is Redis' dead one: the kernel connects the
# gateway to itself whenever it tries.
ALONE = """ip link set lo up; echo "40004 40004" > /proc/sys/net/ipv4/ip_local_port_range
"$0" serve --listen-tcp unix:"$1"/tcp --listen-zmq ipc:"$1"/zmq --admin 127.0.0.1:9464 \\
  --redis redis://127.0.0.1:40004/0 2> /dev/null & gateway=$!
for i in $(seq 200); do
  said=$("$0" call unix:"$1"/tcp save_order '{"user_id": "1", "items": []}' 2>&1)
  echo "$said"
  sleep 0.02
  case $said in *itself*|*order_id*) break;; esac
done
kill $gateway; wait $gateway"""


def test_redis_is_never_the_gateway_itself(request, tmp_path):
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("no network namespaces here")
    binary = os.path.abspath(request.config.getoption("--zerogate"))
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", ALONE, binary, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "the connection came back to itself (127.0.0.1:40004)" in done.stdout
    assert "order_id" not in done.stdout
