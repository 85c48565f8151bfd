"""SIGHUP and POST /reload: the configuration changes under load and no call is lost."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import time
import urllib.error
import urllib.request

import pytest
from zero.error import MethodNotFoundException

from bridge_load import connects, open_callers
from bridging import one_backend, queued
from clients import KINDS
from scripted_backend import ScriptedTcp, ScriptedZmq
from test_redis_faults import check_sum
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

RELOADS = 50
RELOADS_TOTAL = "zerogate_config_reloads_total"
RELOAD_S = 10  # generous: from SIGHUP to the first answers by the new configuration


def write(gateway, text):
    """All at once: a reader sees the old file or the new one."""
    fresh = gateway.config_file.with_suffix(".new")
    fresh.write_text(text if isinstance(text, str) else json.dumps(text))
    fresh.replace(gateway.config_file)


def hang_up(gateway):
    os.kill(gateway.pid, signal.SIGHUP)


def post_reload(gateway):
    """(status, text)"""
    url = f"http://127.0.0.1:{gateway.admin_port}/reload"
    try:
        with urllib.request.urlopen(url, data=b"", timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


BROKEN = {
    "an unknown key": ("backends:\n  b: {url: 'tcp://127.0.0.1:1', colour: red}\n", "colour"),
    "a backend that is not there": (
        "backends:\n  b: {url: 'tcp://127.0.0.1:1'}\n"
        "routes:\n  - {functions: ['*'], backend: nowhere}\n",
        "nowhere",
    ),
    "a bad URL": ("backends:\n  b: {url: 'http://127.0.0.1:1'}\n", "http"),
    "not YAML": ("backends: {b: [\n", ""),
    "an empty file": ("", "empty"),
    "comments only": ("# soon\n", "empty"),
    "a file cut before its routes": (
        "backends:\n  b: {url: 'tcp://127.0.0.1:1'}\n",
        "no route is left of 1",
    ),
    "a file cut after its routes' key": (
        "backends:\n  b: {url: 'tcp://127.0.0.1:1'}\nroutes:\n",
        "write routes: []",
    ),
}


async def taken_over(condition):
    """Calls `condition` until it is true: a reload is taken over between two calls, soon."""
    deadline = time.monotonic() + RELOAD_S
    while not await condition():
        assert time.monotonic() < deadline, "the reload takes no effect"
        await asyncio.sleep(0.005)


async def test_fifty_reloads_under_load(start_bridge, start_backend, clients):
    """The route goes to and fro between a TCP and a ZeroMQ backend: not one error."""
    backends = [start_backend("tcp"), start_backend("zmq")]
    gateway = await start_bridge(config=one_backend(backends[0].url))
    async with open_callers(clients, gateway) as callers:
        start = time.monotonic()
        await until(lambda: callers.answered_since(start) >= 200, PATIENCE_S, "the backend carries load")
        for number in range(RELOADS):
            backend = backends[(number + 1) % 2]
            by_new = lambda answer: answer[0] == backend.port
            write(gateway, one_backend(backend.url, timeout=f"{5_000 + number}ms"))
            asked = time.monotonic()
            hang_up(gateway)
            answered = lambda: callers.answered_since(asked, by_new) >= 10
            await until(answered, RELOAD_S, f"reload {number + 1} takes effect")
    assert not [str(record.error) for record in callers.errors]
    check_sum(gateway, callers.sent + connects(callers.clients))
    gateway.check()


async def test_every_client_keeps_its_connection(start_bridge, clients):
    """Raw-TCP connections of the clients outlive a reload: only routes and backends change."""
    async with ScriptedTcp() as one, ScriptedZmq() as two:
        gateway = await start_bridge(config=one_backend(one.url))
        opened = [clients.open(kind, gateway) for kind in KINDS]
        for client in opened:
            assert await client.call("f", "one") == "one"
        accepted = gateway.metrics().total("zerogate_connections_accepted_total")
        write(gateway, one_backend(two.url))
        status, text = await asyncio.to_thread(post_reload, gateway)
        assert status == 200, text

        async def by_two():
            before = two.count("f")
            for client in opened:
                assert await client.call("f", "two") == "two"
            return two.count("f") == before + len(opened)

        await taken_over(by_two)
        assert gateway.metrics().total("zerogate_connections_accepted_total") == accepted


@pytest.mark.parametrize("way", ["SIGHUP", "POST"])
async def test_calls_under_way_are_answered_by_the_old_backend(way, start_bridge, clients):
    released = asyncio.Event()

    async def slow(call):
        await released.wait()
        call.reply(call.data)

    async with ScriptedTcp({"slow": slow}) as old, ScriptedTcp() as new:
        gateway = await start_bridge(config=one_backend(old.url, connections=2, in_flight=1))
        client = clients.open("zmq_async", gateway)
        # More than the old backend takes at a time: some wait in its queue.
        calls = [asyncio.create_task(client.call("slow", number)) for number in range(10)]
        await until(queued(gateway, 8), PATIENCE_S, "eight calls wait")
        write(gateway, one_backend(new.url))
        if way == "POST":
            status, text = await asyncio.to_thread(post_reload, gateway)
            assert status == 200, text
        else:
            hang_up(gateway)

        # Until the reload takes effect calls go to the old backend, and wait there.
        deadline = time.monotonic() + RELOAD_S
        while new.count("f") == 0:
            calls.append(asyncio.create_task(client.call("f", len(calls))))
            await asyncio.wait([calls[-1]], timeout=0.02)
            assert time.monotonic() < deadline, "the reload takes no effect"
        # On a busy machine more than one may have gone to the new backend by now.
        await until(
            lambda: sum(call.done() for call in calls) == new.count("f"),
            PATIENCE_S,
            "what the new backend got is answered, and nothing else",
        )
        assert calls[-1].done()
        released.set()
        assert await asyncio.gather(*calls) == list(range(len(calls)))
        await until(lambda: not old.connections, PATIENCE_S, "nothing is left of the old backend's links")
        assert await client.call("f", 2) == 2


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_configuration_is_refused(name, start_bridge, clients):
    text, word = BROKEN[name]
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        client = clients.open("zmq_async", gateway)
        assert await client.call("f", 1) == 1
        write(gateway, text)

        status, answer = await asyncio.to_thread(post_reload, gateway)
        assert status == 400
        assert f"{gateway.config_file.name}:" in answer, "file and line"
        assert word in answer
        assert await client.call("f", 2) == 2, "the old one stays"

        # The log has a thread of its own, so that the line of the first may come after its answer.
        since = 0
        told = lambda: "\n".join(gateway.lines[since:])
        said = lambda: f"{gateway.config_file.name}:" in told() and word in told()
        await until(said, PATIENCE_S, "the error stands in the log")
        since = len(gateway.lines)
        reloads = lambda result: gateway.metrics().total(RELOADS_TOTAL, result=result)
        hang_up(gateway)
        await until(lambda: reloads("refused") == 2, PATIENCE_S, "it is refused again")
        await until(said, PATIENCE_S, "and says so again")
        assert await client.call("f", 3) == 3
        assert gateway.readyz()[0] == 200
        assert len(backend.received) == 3

        assert (reloads("ok"), reloads("refused")) == (0, 2)
        assert gateway.metrics().total("zerogate_config_last_reload_successful") == 0
        write(gateway, one_backend(backend.url))
        status, answer = await asyncio.to_thread(post_reload, gateway)
        assert status == 200, answer
        assert await client.call("f", 4) == 4
        assert (reloads("ok"), reloads("refused")) == (1, 2)
        assert gateway.metrics().total("zerogate_config_last_reload_successful") == 1


async def test_all_routes_are_given_up_on_purpose(start_bridge, clients):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        client = clients.open("zmq_async", gateway)
        assert await client.call("f", 1) == 1
        write(gateway, {"routes": []})
        status, answer = await asyncio.to_thread(post_reload, gateway)
        assert status == 200, answer
        with pytest.raises(MethodNotFoundException):
            await client.call("f", 2)


async def test_a_pipe_is_not_read_a_second_time(start_gateway, redis):
    """As in serve --config <(generate): a second reading would find nothing."""
    reader, writer = os.pipe()
    os.write(writer, b"threads: 1\nadmin: off\n")
    os.close(writer)
    os.set_inheritable(reader, True)
    arguments = ["--config", f"/proc/{os.getpid()}/fd/{reader}"]
    gateway = await asyncio.to_thread(start_gateway, redis.url(), arguments)
    status, answer = await asyncio.to_thread(post_reload, gateway)
    os.close(reader)
    assert (status, "a pipe, which cannot be read a second time" in answer) == (400, True)


async def test_a_pipe_in_place_of_the_file_is_refused_and_forgotten(start_bridge):
    """It has no writer: to open it would last for ever, and no later reload could be read."""
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        file = gateway.config_file.rename(gateway.config_file.with_suffix(".kept"))
        os.mkfifo(gateway.config_file)
        status, answer = await asyncio.to_thread(post_reload, gateway)
        assert (status, "is a pipe, which cannot be read a second time" in answer) == (400, True)
        file.rename(gateway.config_file)
        assert (await asyncio.to_thread(post_reload, gateway))[0] == 200


@contextlib.contextmanager
def leased(file):
    """To open it waits, as on a dead server: who has a write lease has 45 s to let others read."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # which asks for the lease
    with open(file, "r+b") as held:
        try:
            fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            pytest.skip(f"no leases on this file system: {error}")
        yield
    signal.signal(signal.SIGIO, before)


async def test_a_file_that_never_comes_holds_nobody_up(start_bridge):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        with leased(gateway.config_file):
            hang_up(gateway)
            status, text = await asyncio.to_thread(gateway.get, "/config")
            assert (status, backend.url in text) == (200, True)
            began = time.monotonic()
            gateway.terminate()
            await asyncio.to_thread(gateway.wait_for_exit)
            assert time.monotonic() - began < SLACK_S


async def test_reload_of_a_file_that_has_gone(start_bridge, clients):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        gateway.config_file.unlink()
        status, answer = await asyncio.to_thread(post_reload, gateway)
        assert status == 400
        assert gateway.config_file.name in answer
        assert await clients.open("tcp", gateway).call("f", 1) == 1


async def test_routes_and_handlers_change(start_bridge, clients):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        client = clients.open("zmq_async", gateway)
        assert await client.call("hello_world", "echoed") == "echoed"

        changed = one_backend(backend.url)
        changed["routes"][0]["functions"] = ["f", "get_*"]
        write(gateway, changed)
        assert (await asyncio.to_thread(post_reload, gateway))[0] == 200

        async def has_no_route():
            try:
                await client.call("hello_world", "echoed")
            except MethodNotFoundException:
                return True

        await taken_over(has_no_route)
        assert await client.call("f", 1) == 1
        assert await client.call("get_x", 1) == 1

        changed["handlers"] = ["hello_world"]
        write(gateway, changed)
        assert (await asyncio.to_thread(post_reload, gateway))[0] == 200

        async def is_served_here():
            try:
                return await client.call("hello_world", "echoed") == "hello world"
            except MethodNotFoundException:
                return False

        await taken_over(is_served_here)
        assert await client.call("f", 2) == 2


def test_get_does_not_reload(gateway):
    assert gateway.get("/reload")[0] in (404, 405)
