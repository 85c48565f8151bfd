"""What is full, slow or gone on one side of the bridge stays bounded, and does not hold up the
rest."""

import asyncio
import socket
import struct
import time

import pytest
from zero.error import RemoteException

from bridge_load import connects
from bridging import all_up, in_flight, one_backend, outcome, queued
from raw import CONNECTED, GREETING, ID_BYTES, READY, TcpConnection, t3_frame, t3_payload
from scripted_backend import SCRIPTED, ScriptedTcp, silent
from test_redis_faults import check_sum
from waiting import PATIENCE_S, SLACK_S, until

pytestmark = pytest.mark.gateway

MIB = 1 << 20


@pytest.fixture(params=["tcp", "zmq"])
def scripted(request):
    return SCRIPTED[request.param]


async def test_queue_is_bounded(scripted, start_bridge, clients):
    async with scripted({"f": silent}) as backend:
        options = {"connections": 1, "in_flight": 1, "queue": 5, "timeout": "3s"}
        gateway = await start_bridge(config=one_backend(backend.url, **options))
        await until(all_up(gateway, 1), PATIENCE_S, "it is up")
        client = clients.open("zmq_async", gateway)
        await client.call("connect")
        begun = time.monotonic()
        calls = [asyncio.create_task(client.call("f", i)) for i in range(20)]
        refused = lambda: outcome(gateway, "overloaded")
        await until(lambda: refused() == 14, PATIENCE_S, "what neither runs nor waits is refused")
        assert gateway.metrics().total("zerogate_backend_queue") == 5
        assert backend.count("f") == 1  # later, the end of the first call makes room for another
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert 2.9 < time.monotonic() - begun < 3 + SLACK_S
        assert {type(result) for result in results} == {RemoteException}
        assert outcome(gateway, "timeout") == 6
        assert gateway.metrics().total("zerogate_backend_queue") == 0
        check_sum(gateway, 21 + connects([client]))


async def test_bytes_under_way_are_bounded(scripted, start_bridge, clients):
    """A queue of 1,024 calls could hold 16 GiB of requests for a backend that does not answer."""
    size, limit = 15 * MIB, 256 * MIB
    taken = limit * 4 // 5 // size  # one backend leaves a fifth to the others
    released = asyncio.Event()

    async def held(call):
        await released.wait()  # no time-out decides how long the calls have to get there
        call.reply(b"\xc0")

    async with scripted({"f": held, "g": lambda call: call.reply(call.data)}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, timeout="120s"))
        await until(all_up(gateway, 1), PATIENCE_S, "it is up")
        client = clients.open("tcp", gateway, timeout_ms=120_000, parallel=taken + 1)
        calls = []
        for number in range(1, taken + 1):
            calls.append(asyncio.create_task(client.call("f", bytes(size))))
            there = in_flight(gateway, number)
            ended = lambda: [call for call in calls if call.done()]
            await until(lambda: there() or ended(), PATIENCE_S, f"call {number} is under way")
            assert not ended()
        with pytest.raises(RemoteException, match="bytes of its requests are under way"):
            await client.call("f", bytes(size))
        assert outcome(gateway, "overloaded") == 1
        released.set()
        assert await asyncio.gather(*calls) == [None] * taken
        assert await client.call("g", bytes(size)) == bytes(size)  # there is room again
        check_sum(gateway, taken + 2)


async def test_client_that_leaves_while_its_calls_wait(scripted, start_bridge, clients):
    released = asyncio.Event()

    async def slow(call):
        await released.wait()
        call.reply(call.data)

    async with scripted({"slow": slow}) as backend:
        options = {"connections": 1, "in_flight": 1, "timeout": "10s"}
        gateway = await start_bridge(config=one_backend(backend.url, **options))
        client = clients.open("zmq_async", gateway)
        first = asyncio.create_task(client.call("slow", 1))
        await until(lambda: backend.count("slow") == 1, PATIENCE_S, "the first call is under way")
        with socket.create_connection(("127.0.0.1", gateway.tcp_port)) as leaving:
            for number in range(10):
                leaving.sendall(t3_frame(number, t3_payload("gone", b"\x01")))
            await until(queued(gateway, 10), PATIENCE_S, "ten calls wait")
            # Ends with a reset: after a mere FIN the client might still read its answers.
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone = lambda: gateway.metrics().total("zerogate_connections", protocol="tcp") == 0
        await until(gone, PATIENCE_S, "the client has left")
        last = asyncio.create_task(client.call("f", 2))
        released.set()
        assert await asyncio.gather(first, last) == [1, 2]
        await until(queued(gateway, 0), PATIENCE_S, "nobody waits")
        check_sum(gateway, 12 + connects([client]))
        assert outcome(gateway, "abandoned") == 10


async def test_backend_that_stops_reading(start_bridge, clients):
    """Requests pile up in front of it, and time out; memory is bounded by the calls in flight."""
    async with ScriptedTcp({"f": lambda call: call.stop_reading()}) as backend:
        async with ScriptedTcp() as other:
            backends = {
                "b": {"url": backend.url, "connections": 2, "queue": 4, "timeout": "1s"},
                "other": {"url": other.url},
            }
            routes = [
                {"functions": ["f"], "backend": "b"},
                {"functions": ["*"], "backend": "other"},
            ]
            gateway = await start_bridge(config={"backends": backends, "routes": routes})
            client = clients.open("tcp", gateway, parallel=40)
            calls = [asyncio.create_task(client.call("f", bytes(MIB))) for _ in range(40)]
            beside = clients.open("zmq_async", gateway)
            assert await beside.call("echo", 1) == 1
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(result) for result in results} == {RemoteException}
            assert await beside.call("echo", 2) == 2
            check_sum(gateway, 42 + connects([client, beside]))


async def test_clients_that_do_not_read_leave_the_others_alone(start_bridge, clients):
    """A client asks for much and reads nothing: its own calls stop, the backend's connections are
    free for others."""
    blob = b"\xc6\0\x10\0\0" + bytes(MIB)
    async with ScriptedTcp({"blob": lambda call: call.reply(blob)}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, connections=2, timeout="5s"))
        client = clients.open("zmq_async", gateway)
        assert await client.call("f", 1) == 1
        async with await TcpConnection.open(gateway.tcp_port) as deaf:
            deaf.writer.transport.pause_reading()
            for number in range(100):
                await deaf.send(t3_frame(number, t3_payload("blob")))
            for number in range(50):
                begun = time.monotonic()
                assert await client.call("f", number) == number
                assert time.monotonic() - begun < SLACK_S
            await asyncio.sleep(0)
        await until(in_flight(gateway, 0), 5 + SLACK_S, "nothing is in flight")
        assert await client.call("f", 2) == 2


async def test_zmq_server_by_a_unix_socket_that_reads_nothing(start_bridge, clients, tmp_path):
    """Over TCP the kernel ends such a connection. Without an end libzmq keeps what it cannot write,
    and every call that follows."""

    async def stand_still(reader, writer):
        writer.write(GREETING + READY.replace(b"DEALER", b"ROUTER"))
        await reader.readexactly(len(GREETING))
        for _ in range(2):  # READY, and `connect`
            _, size = await reader.readexactly(2)
            body = await reader.readexactly(size)
        writer.write(bytes([0, ID_BYTES + len(CONNECTED)]) + body[:ID_BYTES] + CONNECTED)
        writer.transport.pause_reading()
        await over.wait()  # while it runs, the connection is open
        writer.close()

    over = asyncio.Event()
    path = str(tmp_path / "zmq")
    server = await asyncio.start_unix_server(stand_still, path)
    gateway = await start_bridge(config=one_backend(f"ipc:{path}", timeout="1s"))
    await until(all_up(gateway, 1), PATIENCE_S, "it is up")
    client = clients.open("tcp", gateway)
    with pytest.raises(RemoteException, match="did not answer within 1000 ms"):
        await client.call("f", bytes(8 * MIB))
    forwarded = lambda: gateway.metrics().total("zerogate_memory_budget_bytes", use="forwarded")
    assert forwarded() > 8 * MIB  # libzmq has it still
    ended = lambda: "it does not read what it is sent" in gateway.log
    await until(ended, PATIENCE_S, "the connection has ended")
    await until(lambda: forwarded() == 0, PATIENCE_S, "its memory is free")
    over.set()
    server.close()
