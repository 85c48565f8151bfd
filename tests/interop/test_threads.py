"""Several threads on the same ports: real clients see one gateway, and the sums agree."""

import asyncio
import os
import random
import signal

import pytest

from clients import KINDS
from raw import GREETING, NIL, READY, TcpConnection, w5_request
from test_redis_faults import check_sum
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

ORDER = {"user_id": "1", "items": ["apple", "python"]}
REJECTED = "zerogate_connections_rejected_total"
CALLERS = 8  # of each kind: enough for every thread to have some
ROUNDS = 20


async def call_everything(client):
    """Returns the number of calls; `connect` is one that ZeroMQ's clients make by themselves."""
    for _ in range(ROUNDS):
        assert await client.call("hello_world") == "hello world"
        assert await client.call("echo", {"a": [1, None]}) == {"a": [1, None]}
        saved = await client.call("save_order", ORDER)
        order = await client.call("get_order", saved["order_id"])
        assert order["items"] == ORDER["items"]
    return 4 * ROUNDS + (client.protocol == "zmq")


@pytest.mark.parametrize("threads", ("2", "4"))
async def test_all_functions_and_the_sums(start_gateway, own_redis, clients, threads):
    gateway = await asyncio.to_thread(start_gateway, own_redis.url(), ["--threads", threads])
    open_clients = [clients.open(kind, gateway) for kind in KINDS for _ in range(CALLERS)]
    for client in open_clients:  # one after the other: each counts where it goes
        if client.protocol == "zmq":
            await client.call("hello_world")
    calls = sum(await asyncio.gather(*map(call_everything, open_clients)))
    calls += sum(client.protocol == "zmq" for client in open_clients)
    check_sum(gateway, calls)
    metrics = gateway.metrics()
    saved = metrics.total("zerogate_requests_total", function="save_order", outcome="ok")
    assert saved == len(open_clients) * ROUNDS
    assert metrics.total("zerogate_redis_commands_total", outcome="ok") == 2 * saved


async def test_a_drain_of_all_threads_answers_what_is_under_way(start_gateway, own_redis, clients):
    environment = {"ZEROGATE_REDIS_TIMEOUT": "7s"}
    gateway = await asyncio.to_thread(
        start_gateway, own_redis.url(), ["--threads", "2"], environment
    )
    callers = [clients.open(kind, gateway) for kind in KINDS for _ in range(4)]
    await asyncio.gather(*(client.call("hello_world") for client in callers))
    own_redis.pause()
    under_way = [asyncio.create_task(client.call("save_order", ORDER)) for client in callers]
    await until(
        lambda: gateway.metrics().total("zerogate_requests_in_flight") == len(callers),
        PATIENCE_S,
        "every call waits for Redis",
    )
    gateway.terminate()
    await until(lambda: gateway.readyz()[0] == 503, PATIENCE_S, "it drains")
    own_redis.resume()
    for saved in await asyncio.gather(*under_way):
        assert saved["status"] == 0
    await asyncio.to_thread(gateway.wait_for_exit)


async def test_a_zmq_newcomer_waits_for_no_worker_while_another_has_room(start_gateway, redis):
    """Two workers with room for four clients each. All but four leave, and as many come at once."""
    limits = {"ZEROGATE_LIMITS_CONNECTIONS": "8"}
    gateway = await asyncio.to_thread(start_gateway, redis.url(), ["--threads", "2"], limits)
    there = []
    for _ in range(8):
        os.kill(gateway.pid, signal.SIGSTOP)  # so that they are accepted in one turn
        newcomers = [await TcpConnection.open(gateway.zmq_port) for _ in range(8 - len(there))]
        os.kill(gateway.pid, signal.SIGCONT)
        for each in newcomers:
            await asyncio.wait_for(each.receive(len(GREETING)), 3)
            await each.send(GREETING + READY)
        there += newcomers
        random.Random(1).shuffle(there)
        for each in there[4:]:
            each.writer.transport.abort()
        del there[4:]
        connections = lambda: gateway.metrics().total("zerogate_connections", protocol="zmq")
        await until(lambda: connections() == 4, PATIENCE_S, "those who left are gone")
    for each in there:
        each.writer.transport.abort()


async def test_a_burst_of_zmq_newcomers_keeps_the_limit_and_all_are_served(start_gateway, redis):
    """Two workers with room for four clients each: none gives the other more than it may have."""
    limit, burst = 8, 60
    limits = {"ZEROGATE_LIMITS_CONNECTIONS": str(limit)}
    gateway = await asyncio.to_thread(start_gateway, redis.url(), ["--threads", "2"], limits)
    connections = lambda: gateway.metrics().total("zerogate_connections", protocol="zmq")
    may_leave = asyncio.Event()
    there, most = 0, 0

    async def be_served(client):
        nonlocal there, most
        await client.reader.readexactly(len(GREETING))
        there += 1
        most = max(most, there)
        await may_leave.wait()
        request = w5_request(os.urandom(16), "hello_world", NIL)
        await client.send(GREETING + READY + bytes([0, len(request)]) + request)
        await client.reader.readuntil(b"hello world")
        there -= 1
        client.writer.transport.abort()

    os.kill(gateway.pid, signal.SIGSTOP)  # so that they all come at once
    clients = [await TcpConnection.open(gateway.zmq_port) for _ in range(burst)]
    os.kill(gateway.pid, signal.SIGCONT)
    served = asyncio.gather(*map(be_served, clients))
    await until(lambda: connections() >= limit, PATIENCE_S, "it is full")
    waiting = lambda: gateway.metrics().total(REJECTED, protocol="zmq", reason="limit")
    await until(lambda: waiting() > 0, PATIENCE_S, "the others wait")
    await until(lambda: there >= limit, PATIENCE_S, "the first ones are greeted")
    assert connections() == limit
    line = f'event="connection limit reached" protocol=zmq limit={limit} '
    await until(lambda: line in gateway.log, PATIENCE_S, "the log names the port's limit")
    may_leave.set()

    def all_served():
        assert connections() <= limit
        return served.done()

    await until(all_served, PATIENCE_S, "all are served")
    await served
    assert most == limit
