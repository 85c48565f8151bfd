"""How the gateway leaves: clients and load balancers are told in time, ports are really closed, and no
call is left hanging."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import types

import msgspec
import pytest
from zero.error import ConnectionException, RemoteException, TimeoutException

from bridging import one_backend
from own_port import own_port
from raw import GREETING, ID_BYTES, READY, w5_request
from scripted_backend import Call, ScriptedTcp, echo
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

HAPROXY = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
DELAY_S = 1.5  # long enough to be seen by those who ask every 50 ms
UNREAD, UNREAD_BYTES = 8, 8 << 20  # replies that a client does not read


def post(gateway, path):
    with socket.create_connection(("127.0.0.1", gateway.admin_port), PATIENCE_S) as peer:
        peer.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        answer = b""
        while block := peer.recv(65536):
            answer += block
        return int(answer.split()[1])


def refuses(port):
    """True when a connection is refused, and not merely left waiting."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture(name="busy")
def busy_fixture(start_bridge):
    """A gateway with a call under way that ends when it is told to: (gateway, finish)."""

    async def start(**config):
        calls = []
        backend = ScriptedTcp({"slow": calls.append, "f": echo})
        await backend.__aenter__()
        gateway = await start_bridge(config={**one_backend(backend.url), **config})
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.tcp_port)
        gateway.hold = (reader, writer)

        async def finish():
            echo(calls[0])
            await asyncio.to_thread(gateway.wait_for_exit)
            writer.close()
            await backend.__aexit__(None, None, None)

        return gateway, calls, finish

    return start


async def begin_slow_call(clients, gateway, calls):
    caller = clients.open("tcp", gateway, parallel=1)
    call = asyncio.create_task(caller.call("slow", 1))
    await until(lambda: calls, PATIENCE_S, "the call is under way")
    return call


async def test_new_connections_are_refused_or_answered_while_it_drains(busy, clients):
    gateway, calls, finish = await busy()
    call = await begin_slow_call(clients, gateway, calls)
    gateway.terminate()
    await until(lambda: refuses(gateway.tcp_port), PATIENCE_S, "the TCP port is closed")
    with pytest.raises(ConnectionException):
        await clients.open("tcp", gateway).call("f", 1)
    for kind in ("zmq_async", "zmq_sync"):
        with pytest.raises(RemoteException, match="shutting down"):
            await clients.open(kind, gateway).call("f", 1)
    assert not call.done()
    await finish()
    assert await call == 1


async def test_post_drain_is_as_good_as_a_signal_and_may_be_repeated(busy, clients):
    gateway, calls, finish = await busy()
    call = await begin_slow_call(clients, gateway, calls)
    for _ in range(3):
        assert await asyncio.to_thread(post, gateway, "/drain") == 200
    await until(lambda: gateway.readyz()[0] == 503, PATIENCE_S, "it is not ready")
    await until(lambda: refuses(gateway.tcp_port), PATIENCE_S, "the TCP port is closed")
    assert not call.done()
    await finish()
    assert await call == 1


async def test_a_signal_after_post_drain_lets_calls_be_answered(busy, clients):
    """A runbook's POST /drain, and then an orchestrator's one SIGTERM."""
    gateway, calls, finish = await busy()
    call = await begin_slow_call(clients, gateway, calls)
    assert await asyncio.to_thread(post, gateway, "/drain") == 200
    await until(lambda: refuses(gateway.tcp_port), PATIENCE_S, "the TCP port is closed")
    gateway.terminate()
    await until(lambda: "draining already" in gateway.log, PATIENCE_S, "the signal has come")
    assert not call.done()
    await finish()
    assert await call == 1


async def test_a_second_signal_after_post_drain_ends_at_once(start_bridge):
    async with ScriptedTcp({"f": echo}) as backend:
        gateway = await start_bridge(config={**one_backend(backend.url), "drain_delay": "10m"})
        assert await asyncio.to_thread(post, gateway, "/drain") == 200
        gateway.terminate()
        await until(lambda: "draining already" in gateway.log, PATIENCE_S, "the signal has come")
        os.kill(gateway.pid, signal.SIGTERM)
        await asyncio.to_thread(gateway.wait_for_exit)


@contextlib.asynccontextmanager
async def late_reader(gateway):
    """A socket that has replies to read, UNREAD_BYTES and more."""
    data = msgspec.msgpack.encode(b"x" * (UNREAD_BYTES // UNREAD))
    with socket.socket() as late:
        late.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        late.settimeout(PATIENCE_S)
        late.connect(("127.0.0.1", gateway.zmq_port))
        late.sendall(GREETING + READY)
        for number in range(UNREAD):
            body = w5_request(bytes([number]) * ID_BYTES, "f", data)
            late.sendall(b"\x02" + len(body).to_bytes(8, "big") + body)
        done = {"function": "f", "outcome": "ok"}
        await until(
            lambda: gateway.metrics().total("zerogate_requests_total", **done) == UNREAD,
            PATIENCE_S, "the gateway has all answers")
        yield late


def read_to_the_end(late):
    """The number of bytes. In large steps: the gateway waits for a second of the machine's time."""
    late.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD_BYTES)
    came = 0
    while block := late.recv(1 << 20):
        came += len(block)
    return came


async def ends_with_a_call_cut_off(gateway):
    with pytest.raises(AssertionError, match=r"exit status 1\b"):
        await asyncio.to_thread(gateway.wait_for_exit)


async def test_replies_that_wait_at_the_end_of_a_drain_are_still_read(start_bridge, clients):
    """A client that reads late has what it was answered, as libzmq's linger gave it."""
    calls = []
    async with ScriptedTcp({"f": echo, "slow": calls.append}) as backend:
        gateway = await start_bridge(config={**one_backend(backend.url), "drain_timeout": "100ms"})
        async with late_reader(gateway) as late:
            waiting = await begin_slow_call(clients, gateway, calls)
            gateway.terminate()
            with pytest.raises(RemoteException):  # the time of the drain is over
                await waiting
            came = await asyncio.to_thread(read_to_the_end, late)
        await ends_with_a_call_cut_off(gateway)
        assert came > UNREAD_BYTES


@pytest.mark.parametrize("late", (echo, Call.close), ids=("answer", "close"))
async def test_what_a_backend_does_after_a_drain_has_ended_reaches_nobody(
    start_bridge, clients, late
):
    """The loop runs on for a client that has replies to read, and the backend knows of no end."""
    calls = []
    async with ScriptedTcp({"f": echo, "slow": calls.append}) as backend:
        gateway = await start_bridge(config={**one_backend(backend.url), "drain_timeout": "100ms"})
        async with late_reader(gateway):
            waiting = await begin_slow_call(clients, gateway, calls)
            gateway.terminate()
            with pytest.raises(RemoteException, match="the gateway is shutting down"):
                await waiting
            late(calls[0])
            await ends_with_a_call_cut_off(gateway)


async def test_idle_connections_end_and_that_of_a_call_after_its_answer(busy, clients):
    gateway, calls, finish = await busy()
    call = await begin_slow_call(clients, gateway, calls)
    reader, writer = gateway.hold
    gateway.terminate()
    assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b"", "an end, no reset"
    assert not call.done()
    writer.write(b"too late to be read")  # nor does this bring a reset
    await writer.drain()
    await finish()
    assert await call == 1


async def test_calls_are_served_until_the_drain_delay_has_passed(start_bridge, clients):
    """Kubernetes' order: SIGTERM first, and endpoints that are taken away some time later."""
    async with ScriptedTcp({"f": echo}) as backend:
        config = {**one_backend(backend.url), "drain_delay": f"{int(DELAY_S * 1000)}ms"}
        gateway = await start_bridge(config=config)
        gateway.terminate()
        began = time.monotonic()
        await until(lambda: gateway.readyz()[0] == 503, PATIENCE_S, "it is not ready")
        served = 0
        while time.monotonic() - began < DELAY_S / 2:
            for kind in ("tcp", "zmq_async", "zmq_sync"):
                client = clients.open(kind, gateway)
                assert await client.call("f", served) == served
                await clients.close(client)
            served += 1
        assert served
        await asyncio.to_thread(gateway.wait_for_exit)
        assert time.monotonic() - began >= DELAY_S


async def test_a_second_signal_ends_the_delay(start_bridge):
    async with ScriptedTcp({"f": echo}) as backend:
        gateway = await start_bridge(config={**one_backend(backend.url), "drain_delay": "10m"})
        gateway.terminate()
        await until(lambda: gateway.readyz()[0] == 503, PATIENCE_S, "it is not ready")
        os.kill(gateway.pid, signal.SIGTERM)
        await asyncio.to_thread(gateway.wait_for_exit)


@pytest.fixture(name="haproxy")
def haproxy_fixture(tmp_path):
    """Starts a HAProxy in TCP mode in front of gateways; an object with the clients' ports."""
    if not HAPROXY:
        pytest.skip("no haproxy here")
    processes = []

    def start(gateways, check):
        front = types.SimpleNamespace(tcp_port=own_port(), zmq_port=own_port())
        text = "defaults\n mode tcp\n option redispatch\n retries 3\n timeout connect 2s\n"
        text += " timeout client 1m\n timeout server 1m\n timeout check 1s\n"
        for protocol in ("tcp", "zmq"):
            port = getattr(front, f"{protocol}_port")
            text += f"listen {protocol}\n bind 127.0.0.1:{port}\n balance roundrobin\n"
            text += " option httpchk GET /readyz\n" if check == "httpchk" else ""
            for number, gateway in enumerate(gateways):
                asked = f" port {gateway.admin_port}" if check == "httpchk" else ""
                text += f" server g{number} 127.0.0.1:{getattr(gateway, f'{protocol}_port')}"
                text += f" check{asked} inter 50ms fall 1 rise 1\n"
        file = tmp_path / "haproxy.cfg"
        file.write_text(text)
        processes.append(subprocess.Popen([HAPROXY, "-db", "-f", str(file)]))
        for port in (front.tcp_port, front.zmq_port):
            wait_until(lambda port=port: not refuses(port), PATIENCE_S, "HAProxy listens")
        return front

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("check", ("tcp", "httpchk"))
async def test_no_call_through_haproxy_hangs_while_one_of_two_gateways_drains(
    start_bridge, clients, haproxy, check
):
    """New clients call all the time; each gets an answer or an error at once."""
    calls = []
    async with ScriptedTcp({"slow": calls.append, "f": echo}) as backend:
        delay = {"drain_delay": f"{int(DELAY_S * 1000)}ms"} if check == "httpchk" else {}
        config = {**one_backend(backend.url), **delay}
        gateways = [await start_bridge(config=config) for _ in range(2)]
        call = await begin_slow_call(clients, gateways[0], calls)
        front = await asyncio.to_thread(haproxy, gateways, check)
        failed = {"tcp": 0, "zmq_async": 0}
        lost = {"tcp": 0, "zmq_async": 0}  # without an answer or an error
        stop = asyncio.Event()

        async def newcomers(kind):
            while not stop.is_set():
                client = clients.open(kind, front, parallel=1)
                try:
                    assert await client.call("f", 7) == 7
                except (RemoteException, ConnectionException):
                    failed[kind] += 1
                except TimeoutException:
                    lost[kind] += 1
                await clients.close(client)

        tasks = [asyncio.create_task(newcomers(kind)) for kind in failed]
        gateways[0].terminate()
        await until(lambda: refuses(gateways[0].tcp_port), PATIENCE_S, "its TCP port is closed")
        await asyncio.sleep(0.5)  # the load goes on for a while
        echo(calls[0])
        await asyncio.to_thread(gateways[0].wait_for_exit)
        stop.set()
        await asyncio.gather(*tasks)
        assert await call == 1
        assert lost["tcp"] == 0
        # A TCP check sends newcomers to libzmq's port until the process ends. The request that is
        # under way at that moment, one at most for they come one by one, goes with the connection.
        assert lost["zmq_async"] <= (check == "tcp")
        if check == "httpchk":
            assert not any(failed.values()), failed
