"""rate_limits: who calls too often gets an error, and does the others no harm."""

import asyncio
import json
import os
import re
import signal

import pytest
import pytest_asyncio
import zmq
import zmq.asyncio

from authority import Authority
from raw import ID_BYTES, TcpConnection, t3_frame, t3_payload, w5_request
from test_tls import context_of, listening
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

LIMITED = "zerogate_rate_limited_total"
SMALL, GREEDY = "127.0.0.2", "127.0.0.3"


def limits(*rules):
    return {"ZEROGATE_RATE_LIMITS": json.dumps(rules)}


@pytest_asyncio.fixture
async def start(start_gateway, redis):
    async def begin(*rules, arguments=()):
        return await asyncio.to_thread(start_gateway, redis.url(), arguments, limits(*rules))

    return begin


async def dial(port, source):
    """A raw-TCP connection from one of this machine's addresses."""
    streams = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    return TcpConnection(*streams)


async def call(connection, number, function="hello_world"):
    await connection.send(t3_frame(number, t3_payload(function)))
    return await connection.receive_frame()


def outcome(gateway, name):
    return gateway.metrics().total("zerogate_requests_total", outcome=name)


async def test_a_greedy_caller_leaves_the_other_its_share(start):
    """The one calls a hundred times as often as the other, and both are allowed the same."""
    each, factor = 50, 100
    gateway = await start({"functions": "*", "per": "caller", "rate": f"{each}/h", "burst": each})
    async with await dial(gateway.tcp_port, SMALL) as small:
        async with await dial(gateway.tcp_port, GREEDY) as greedy:
            for number in range(each):
                await greedy.send(t3_frame(1, t3_payload("hello_world")) * factor)
                answers = [await greedy.receive_frame() for _ in range(factor)]
                refused = [answer for answer in answers if b"__zerror__" in answer]
                assert len(refused) == (factor - each if number == 0 else factor)
                assert b"__zerror__" not in await call(small, number)
    assert outcome(gateway, "limited") == each * (factor - 1)
    assert outcome(gateway, "ok") == 2 * each
    name = f"* per caller {each}/h"
    assert gateway.metrics().total(LIMITED, limit=name, mode="enforce") == each * (factor - 1)
    [line] = gateway.told('event="rate limit exceeded"')
    assert f'limit="{name}"' in line and f"caller={GREEDY}" in line


async def test_the_error_names_limit_and_caller_to_real_clients(start, clients, kind):
    gateway = await start({"functions": ["echo"], "rate": "1/h"})
    client = clients.open(kind, gateway)
    assert await client.call("echo", "x") == "x"
    with pytest.raises(Exception, match=re.escape('the rate limit "echo per caller 1/h"') + ".*127.0.0.1"):
        await client.call("echo", "x")
    assert await client.call("hello_world") == "hello world", "another function goes on"


async def test_a_caller_is_one_over_both_protocols_and_all_event_loops(start):
    gateway = await start({"functions": "*", "rate": "4/h", "burst": 4}, arguments=["--threads", "2"])
    for number in range(3):
        async with await TcpConnection.open(gateway.tcp_port) as connection:
            assert b"__zerror__" not in await call(connection, number)
    with zmq.asyncio.Context() as context:
        with context.socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.connect(f"tcp://127.0.0.1:{gateway.zmq_port}")
            answers = []
            for _ in range(2):
                await dealer.send(w5_request(b"0" * ID_BYTES, "hello_world"))
                answers.append(await asyncio.wait_for(dealer.recv(), PATIENCE_S))
    assert b"__zerror__" not in answers[0]
    assert b"over the rate limit" in answers[1]


async def test_a_caller_over_tls_is_who_its_certificate_says(start_gateway, redis, tmp_path):
    authority = Authority(tmp_path)
    authority.issue("server", "DNS:localhost")
    for name in ("alice", "bob"):
        authority.issue(name, f"URI:spiffe://prod/{name}")
    port, config = listening(authority, allow=["spiffe://prod/*"])
    file = tmp_path / "zerogate.yaml"
    limit = {"functions": "*", "rate": "2/h", "burst": 2}
    file.write_text(json.dumps({**config, "rate_limits": [limit]}))
    await asyncio.to_thread(start_gateway, redis.url(), ["--config", str(file)])
    for name in ("alice", "bob"):
        context = context_of(authority, name)
        streams = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        async with TcpConnection(*streams) as connection:
            answers = [await call(connection, number) for number in range(3)]
        assert [b"over the rate limit" in answer for answer in answers] == [False, False, True]
        assert f"caller spiffe://prod/{name};".encode() in answers[2]


async def test_observing_only_counts_and_a_reload_enforces(start_gateway, redis, tmp_path):
    file = tmp_path / "zerogate.yaml"
    rule = {"functions": "*", "per": "all", "rate": "1/h", "mode": "observe"}
    file.write_text(json.dumps({"rate_limits": [rule]}))
    gateway = await asyncio.to_thread(start_gateway, redis.url(), ["--config", str(file)])
    async with await TcpConnection.open(gateway.tcp_port) as connection:
        for number in range(5):
            assert b"__zerror__" not in await call(connection, number)
        assert gateway.metrics().total(LIMITED, limit="* 1/h", mode="observe") == 4
        assert outcome(gateway, "limited") == 0
        file.write_text(json.dumps({"rate_limits": [{**rule, "mode": "enforce"}]}))
        os.kill(gateway.pid, signal.SIGHUP)
        await until(lambda: "event=reloaded" in gateway.log, PATIENCE_S, "it is reloaded")
        await call(connection, 5)
        assert b'over the rate limit "* 1/h"' in await call(connection, 6)
    assert outcome(gateway, "limited") == 1
