"""What a service manager (systemd) is told, over the socket that it would make itself."""

import asyncio
import os
import socket
import time

import pytest

from bridging import one_backend
from notify_socket import NotifySocket
from scripted_backend import ScriptedTcp, connected
from test_bridge_reload import hang_up, post_reload, write

pytestmark = pytest.mark.gateway

DRAIN_AND_MARGIN_US = (8 + 5) * 1_000_000  # drain_timeout's default, and what closing may take


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    name = {"path": str(tmp_path / "notify"), "abstract": f"@zerogate-{os.urandom(8).hex()}"}
    socket = NotifySocket(name[request.param])
    yield socket
    socket.close()


def keys(states, key):
    return [state[key] for state in states if key in state]


def test_ready_when_readyz_says_so_and_stopping_when_it_drains(manager, start_gateway, redis):
    gateway = start_gateway(redis.url(), environment=manager.environment())
    states = manager.until("READY")
    assert states[0]["STATUS"].startswith("starting")
    status = states[-1]["STATUS"]
    for protocol in ("tcp", "zmq", "admin"):
        assert f"{protocol} 127.0.0.1:{getattr(gateway, protocol + '_port')}" in status, status

    gateway.stop()
    states = manager.pending()
    assert states[0]["STOPPING"] == "1"
    assert int(states[0]["EXTEND_TIMEOUT_USEC"]) == DRAIN_AND_MARGIN_US
    assert "draining" in states[0]["STATUS"]
    assert states[-1]["STATUS"] == "stopped, 0 calls cut off"
    assert not keys(states, "READY")


async def test_ready_waits_for_the_first_answer_of_a_backend(manager, start_bridge):
    asked = asyncio.Event()
    held = []

    def hold(call):
        held.append(call)
        asked.set()

    async with ScriptedTcp({"connect": hold}) as backend:
        config = one_backend(backend.url, connections=1, connect_timeout="30s")
        starting = asyncio.create_task(
            start_bridge(config=config, environment=manager.environment())
        )
        await asked.wait()
        assert not keys(manager.pending(), "READY")
        backend.script["connect"] = connected
        for call in held:
            connected(call)
        await starting
        await asyncio.to_thread(manager.until, "READY")


def test_a_reload_is_announced_and_its_end_too(manager, start_gateway, redis, tmp_path):
    file = tmp_path / "zerogate.yaml"
    file.write_text("handlers: [echo]\n")
    gateway = start_gateway(redis.url(), ["--config", str(file)], manager.environment())
    gateway.config_file = file
    manager.until("READY")

    before = time.monotonic_ns() // 1000
    hang_up(gateway)
    state = manager.next()
    assert state["RELOADING"] == "1"
    assert before <= int(state["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    state = manager.next()
    assert state["READY"] == "1"
    assert state["STATUS"].endswith("; reloaded")

    write(gateway, "handlers: [echo]\nthreads: 2\n")
    assert post_reload(gateway)[0] == 200
    assert manager.until("READY")[-1]["STATUS"].endswith("; reloaded; needs a restart: threads")

    write(gateway, "handlers: [echo]\ncolour: red\nthreads: many\n")
    hang_up(gateway)
    assert manager.next()["RELOADING"] == "1"
    status = manager.until("READY")[-1]["STATUS"]
    assert f"reload refused: {file}:2: " in status and "colour" in status
    assert f" {file}:3: " in status  # both on the one line that a status has

    write(gateway, "handlers: [echo]\n")
    hang_up(gateway)
    assert manager.until("READY")[-1]["STATUS"].endswith("; reloaded")


async def test_a_reload_ends_when_the_new_backend_has_been_tried(manager, start_bridge):
    asked = asyncio.Event()
    held = []

    def hold(call):
        held.append(call)
        asked.set()

    async with ScriptedTcp() as old, ScriptedTcp({"connect": hold}) as new:
        gateway = await start_bridge(
            config=one_backend(old.url), environment=manager.environment()
        )
        await asyncio.to_thread(manager.until, "READY")
        write(gateway, one_backend(new.url, connections=1, connect_timeout="30s"))
        hang_up(gateway)
        await asked.wait()
        assert [state.get("RELOADING") for state in manager.pending()] == ["1"]
        new.script["connect"] = connected
        for call in held:
            connected(call)
        await asyncio.to_thread(manager.until, "READY")


def test_the_watchdog_is_fed_as_often_as_it_asks(manager, start_gateway, redis):
    start_gateway(redis.url(), ["--threads", "2"], manager.environment(WATCHDOG_USEC="300000"))
    begun = time.monotonic()
    for _ in range(4):
        manager.until("WATCHDOG")
    # Every third of the interval, and none is missed.
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    "variables",
    [{}, {"WATCHDOG_USEC": "30000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "often"}],
    ids=["not asked for", "another's", "no number"],
)
def test_without_a_watchdog_none_is_fed(manager, start_gateway, redis, variables):
    gateway = start_gateway(redis.url(), environment=manager.environment(**variables))
    manager.until("READY")
    assert manager.pending() == []
    gateway.stop()
    assert not keys(manager.pending(), "WATCHDOG")
    assert ("WATCHDOG_USEC=often" in gateway.log) == (variables.get("WATCHDOG_USEC") == "often")


def test_a_manager_that_does_not_read_holds_nothing_up(start_gateway, redis):
    """Its queue is full from the start: of net.unix.max_dgram_qlen, from several senders, for each
    has a limit of its own too."""
    manager = NotifySocket(f"@zerogate-{os.urandom(8).hex()}")
    while fill(manager):
        pass
    gateway = start_gateway(redis.url(), environment=manager.environment())
    gateway.stop()
    manager.close()
    assert "the service manager was not told" in gateway.log


def fill(manager):
    """How many states a new sender gets rid of."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for sent in range(100_000):
            try:
                sender.sendto(b"X=1", "\0" + manager.name[1:])
            except BlockingIOError:
                return sent
    raise AssertionError("this kernel's queues have no end")


@pytest.mark.parametrize(
    "name, reason",
    [
        ("relative", "neither /path nor @name"),
        ("@", "neither /path nor @name"),
        ("/" + 200 * "x", "neither /path nor @name"),
        ("/nobody/listens", "No such file or directory"),
        ("", None),
    ],
)
def test_a_manager_that_cannot_be_told_is_a_warning(start_gateway, redis, name, reason):
    # Few connections: where descriptors are few, more of them are a warning of their own.
    environment = {"NOTIFY_SOCKET": name, "ZEROGATE_LIMITS_CONNECTIONS": "100"}
    gateway = start_gateway(redis.url(), environment=environment)
    gateway.stop()
    warnings = [line for line in gateway.lines if "level=warn" in line]
    if reason is None:
        assert not warnings
    else:
        assert warnings and all(reason in line and "NOTIFY_SOCKET" in line for line in warnings)
