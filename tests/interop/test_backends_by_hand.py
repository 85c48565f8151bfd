"""Endpoints that an operator takes out and puts back, with real Zero servers and real clients under
load: over the admin port, and with `zerogate backends`."""

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from zero.error import RemoteException

from bridge_load import open_callers
from bridging import all_up, fails, in_flight, one_backend
from scripted_backend import ScriptedTcp, echo
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

SOME = 100  # calls


def post(gateway, path):
    """(status, text)"""
    url = f"http://127.0.0.1:{gateway.admin_port}{path}"
    try:
        with urllib.request.urlopen(url, data=b"", timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def order(gateway, action, endpoint, reason=""):
    path = f"/backends?action={action}&backend=b&endpoint={endpoint}&reason={reason}"
    return post(gateway, path)


def endpoint(gateway, address):
    _, text = gateway.get("/backends")
    (found,) = [one for one in json.loads(text)["endpoints"] if one["endpoint"] == address]
    return found


@pytest.fixture(name="command")
def command_fixture(request):
    """Runs `zerogate backends …` against a gateway: (status, stdout, stderr)."""

    def run(gateway, *words):
        binary = request.config.getoption("--zerogate")
        admin = f"127.0.0.1:{gateway.admin_port}"
        done = subprocess.run(
            [binary, "backends", *words, "--admin", admin],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


async def test_a_drained_endpoint_costs_no_call_and_carries_load_again(
    start_bridge, start_backend, clients
):
    one, two = start_backend("tcp"), start_backend("zmq")
    gateway = await start_bridge(config=one_backend(one.url, two.url))
    await until(all_up(gateway, 2), PATIENCE_S, "both are up")
    for out, other in ((one, two), (two, one)):
        async with open_callers(clients, gateway) as callers:
            by = lambda backend, since: callers.answered_since(
                since, lambda answer: answer[0] == backend.port
            )
            await until(lambda: by(out, 0) >= SOME and by(other, 0) >= SOME, PATIENCE_S, "both carry load")
            assert order(gateway, "drain", out.address, "new+version")[0] == 200
            empty = lambda: endpoint(gateway, out.address)["connections"] == 0
            await until(empty, PATIENCE_S, "its connections have ended")
            drained = asyncio.get_running_loop().time()
            await until(lambda: by(other, drained) >= SOME, PATIENCE_S, "the other one carries the load")
            assert by(out, drained) == 0
            out.kill()
            await asyncio.to_thread(out.start)
            assert endpoint(gateway, out.address)["state"] == "drain"
            assert order(gateway, "enable", out.address)[0] == 200
            await until(lambda: by(out, drained) >= SOME, PATIENCE_S, "it carries load again")
        assert not callers.errors, [str(record.error) for record in callers.errors[:3]]
        await clients.close_all()


async def test_a_disabled_endpoint_is_told_with_its_reason_everywhere(start_bridge, clients):
    async with ScriptedTcp({"f": echo}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        address = backend.url.removeprefix("tcp://")
        caller = clients.open("tcp", gateway)
        assert await caller.call("f", 1) == 1
        begun = time.monotonic()
        status, text = await asyncio.to_thread(order, gateway, "disable", address, "it%20lies")
        assert status == 200 and text.startswith(f"b {address} disabled")
        disabled = lambda: gateway.metrics().total("zerogate_backend_disabled") == 1
        await until(disabled, PATIENCE_S, "it is disabled")
        found = endpoint(gateway, address)
        assert found["state"] == "disabled" and found["reason"] == "disabled by hand: it lies"
        assert found["since"].endswith("Z") and found["since_seconds"] <= time.monotonic() - begun
        _, page = gateway.get("/status.json")
        assert json.loads(page)["endpoints"] == [found]
        told = 'event="endpoint disabled by hand" backend=b'
        await until(lambda: any(told in line for line in gateway.lines), PATIENCE_S, "a log line")
        assert gateway.metrics().total("zerogate_backend_up") == 0
        await fails(caller.call("f", 2), SLACK_S, "unavailable: disabled by hand: it lies")

        # Neither a reload nor new connections' settings take that back.
        gateway.config_file.write_text(json.dumps(one_backend(backend.url, connections=3)))
        assert (await asyncio.to_thread(post, gateway, "/reload"))[0] == 200
        reloaded = lambda: "connections: 3" in gateway.get("/config")[1]
        await until(reloaded, PATIENCE_S, "the reload is taken over")
        await fails(caller.call("f", 3), SLACK_S, "disabled by hand: it lies")
        assert endpoint(gateway, address)["reason"] == "disabled by hand: it lies"

        await asyncio.to_thread(order, gateway, "enable", address)
        await until(all_up(gateway, 1), PATIENCE_S, "it is up again")
        assert await caller.call("f", 4) == 4


async def test_disabling_ends_the_calls_under_way_and_draining_waits_for_them(
    start_bridge, clients
):
    calls = []
    async with ScriptedTcp({"slow": calls.append}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        address = backend.url.removeprefix("tcp://")
        caller = clients.open("tcp", gateway)
        first = asyncio.create_task(caller.call("slow", 1))
        await until(lambda: len(calls) == 1, PATIENCE_S, "it is under way")
        await asyncio.to_thread(order, gateway, "drain", address)
        await fails(caller.call("slow", 2), SLACK_S, "drained by hand")
        assert not first.done()
        echo(calls[0])
        assert await first == 1
        await asyncio.to_thread(order, gateway, "enable", address)
        await until(all_up(gateway, 1), PATIENCE_S, "it is up again")
        second = asyncio.create_task(caller.call("slow", 3))
        await until(in_flight(gateway, 1), PATIENCE_S, "it is under way")
        await asyncio.to_thread(order, gateway, "disable", address)
        with pytest.raises(RemoteException, match="disabled by hand"):
            await second


async def test_the_command_shows_a_table_and_does_as_it_is_told(start_bridge, command):
    async with ScriptedTcp({"f": echo}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        address = backend.url.removeprefix("tcp://")
        run = lambda *words: asyncio.to_thread(command, gateway, *words)
        await until(all_up(gateway, 1), PATIENCE_S, "it is up")
        status, out, _ = await run()
        assert status == 0 and out.splitlines()[0].split()[:3] == ["BACKEND", "ENDPOINT", "STATE"]
        assert out.splitlines()[1].split()[:3] == ["b", address, "up"]
        status, out, _ = await run("drain", "b", address, "--reason", "a & b = 50 %")
        assert status == 0 and out.startswith(f"b {address} drained: ")
        _, out, _ = await run()
        assert out.splitlines()[1].split()[:3] == ["b", address, "drain"]
        assert out.splitlines()[1].endswith("drained by hand: a & b = 50 %")
        status, _, err = await run("clear", "b", address)
        assert status == 1 and f"b {address} is drained by hand: a & b = 50 %; enable it instead" in err
        status, _, err = await run("disable", "b", "10.9.9.9:1")
        assert status == 1 and f"no endpoint '10.9.9.9:1'; there are: b {address}" in err
        assert (await run("disable", "b"))[0] == 2
        status, _, err = await run("stop", "b", address)
        assert status == 2 and "unknown action 'stop'; there are disable, drain, enable and clear" in err
        assert (await run("--reason", "x"))[0] == 2
        assert (await run("enable", "b", address))[0] == 0
        await until(all_up(gateway, 1), PATIENCE_S, "it is up again")
        assert (await run("clear", "b", address))[0] == 0
