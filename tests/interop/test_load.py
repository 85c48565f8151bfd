"""Many calls, large ones, slow ones, and both sides' restarts."""

import asyncio
import time

import msgspec
import pytest
from zero.error import ConnectionException, RemoteException, TimeoutException, ZeroException

from clients import KINDS
from raw import ZmqConnection, t3_frame, t3_payload
from waiting import PATIENCE_S, SLACK_S, until, wait_until

ORDER = {"user_id": "1", "items": ["apple", "python"]}
MIB = 1 << 20
MESSAGE_LIMIT = 16 * MIB  # limits.message, by default


@pytest.mark.parametrize("function, argument", [("hello_world", None), ("save_order", ORDER)])
async def test_a_hundred_calls_at_once(kind, peer, clients, function, argument):
    client = clients.open(kind, peer, parallel=50)
    results = await asyncio.gather(*(client.call(function, argument) for _ in range(100)))
    if function == "hello_world":
        assert results == ["hello world"] * 100
    else:
        assert len({result["order_id"] for result in results}) == 100


async def test_a_hundred_answers_are_not_mixed_up(kind, peer, clients):
    client = clients.open(kind, peer, parallel=50)
    calls = (client.call("echo", [i, "x" * (i * 997 % 5_000)]) for i in range(100))
    results = await asyncio.gather(*calls)
    assert [(i, len(text)) for i, text in results] == [(i, i * 997 % 5_000) for i in range(100)]


@pytest.mark.parametrize("size", [MIB, 10 * MIB], ids=["1 MiB", "10 MiB"])
async def test_large_payload(client, size):
    payload = b"\xa5" * size
    assert await client.call("echo", payload) == payload
    assert await client.call("hello_world") == "hello world"


async def test_large_payloads_at_once(kind, peer, clients):
    client = clients.open(kind, peer, parallel=10)
    payloads = [bytes([i]) * MIB for i in range(10)]
    small = asyncio.gather(*(client.call("hello_world") for _ in range(50)))
    assert await asyncio.gather(*(client.call("echo", p) for p in payloads)) == payloads
    assert await small == ["hello world"] * 50


@pytest.mark.gateway
async def test_payload_over_the_limit(kind, gateway, clients):
    client = clients.open(kind, gateway)
    other = clients.open(kind, gateway)
    assert await other.call("hello_world") == "hello world"
    counted = {"reason": "too_large", "protocol": client.protocol}
    before = gateway.metrics().total("zerogate_malformed_total", **counted)

    # The connection is closed; a ZeroMQ client's libzmq makes another, and the client waits.
    expected = ConnectionException if kind == "tcp" else TimeoutException
    with pytest.raises(expected):
        await client.call("echo", bytes(MESSAGE_LIMIT + MIB), timeout=1_000)
    assert gateway.metrics().total("zerogate_malformed_total", **counted) == before + 1

    assert await other.call("hello_world") == "hello world"
    fresh = clients.open(kind, gateway)
    assert await fresh.call("hello_world") == "hello world"


@pytest.mark.gateway
async def test_payload_just_below_the_limit(peer, clients):
    payload = bytes(MESSAGE_LIMIT - 1024)
    for kind in KINDS:
        client = clients.open(kind, peer)
        assert await client.call("echo", payload) == payload


async def test_client_times_out_and_goes_on(kind, own_peer, own_redis, clients):
    client = clients.open(kind, own_peer, parallel=1)
    await client.call("save_order", ORDER)
    own_redis.pause()
    with pytest.raises(TimeoutException):
        await client.call("save_order", ORDER, timeout=200)
    own_redis.resume()
    # The answer that came too late belongs to nobody: the next calls get their own.
    assert await client.call("hello_world") == "hello world"
    assert [await client.call("echo", i) for i in range(10)] == list(range(10))
    assert (await client.call("save_order", ORDER))["status"] == 0


@pytest.mark.gateway
async def test_stopped_redis_is_an_error_in_time(kind, start_gateway, own_redis, clients):
    """Its time-out is so long that others, who do not wait for it, are quicker on a busy machine, too."""
    gateway = start_gateway(own_redis.url(), environment={"ZEROGATE_REDIS_TIMEOUT": "3s"})
    client = clients.open(kind, gateway)
    beside = clients.open(kind, gateway)
    await client.call("save_order", ORDER)
    await beside.call("hello_world")
    own_redis.pause()

    started = time.monotonic()
    save = asyncio.create_task(client.call("save_order", ORDER))
    slowest = 0.0
    calls = 0
    while not save.done():
        begun = time.monotonic()
        assert await beside.call("hello_world") == "hello world"
        slowest = max(slowest, time.monotonic() - begun)
        calls += 1
    with pytest.raises(RemoteException, match="(?i)redis"):
        await save
    assert 2.9 < time.monotonic() - started < 3 + SLACK_S
    assert calls > 10
    assert slowest < 1.5, "hello_world was disturbed"

    own_redis.resume()
    await saves_again(client, 3)


async def saves_again(client, timeout_s):
    """Calls save_order until it works."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return await client.call("save_order", ORDER)
        except RemoteException:
            assert time.monotonic() < deadline, f"no order saved within {timeout_s} s"
            await asyncio.sleep(0.01)


async def test_client_restart(kind, peer, clients):
    for _ in range(5):
        client = clients.open(kind, peer)
        assert await client.call("hello_world") == "hello world"
        await clients.close(client)


@pytest.mark.parametrize("kind", ["tcp", "zmq_async"], indirect=True)  # no sync one: it is busy
async def test_client_that_leaves_with_calls_under_way(kind, peer, clients):
    leaving = clients.open(kind, peer, parallel=20)
    await leaving.call("hello_world")
    calls = [asyncio.create_task(leaving.call("save_order", ORDER)) for _ in range(20)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await clients.close(leaving)
    await asyncio.gather(*calls, return_exceptions=True)
    assert await clients.open(kind, peer).call("hello_world") == "hello world"


async def test_many_short_lived_clients(kind, own_peer, clients):
    for _ in range(10):
        batch = [clients.open(kind, own_peer, parallel=2) for _ in range(6)]
        assert await asyncio.gather(*(c.call("echo", 1) for c in batch)) == [1] * 6
        for client in batch:
            await clients.close(client)
    if own_peer.name == "gateway":
        wait_until(
            lambda: own_peer.metrics().total("zerogate_connections") == 0, 10, "no connection left"
        )


async def test_server_restart(kind, own_peer, clients):
    """The clients find the server again, each as the real one does: a pooled TCP connection fails
    once, a DEALER connects again by itself and loses what was under way."""
    client = clients.open(kind, own_peer)
    assert await client.call("hello_world") == "hello world"
    await asyncio.to_thread(own_peer.restart)

    deadline = time.monotonic() + 15
    failures = in_a_row = 0
    while in_a_row < 20:  # more than there are connections in the pool
        try:
            assert await client.call("hello_world", timeout=1_000) == "hello world"
            in_a_row += 1
        except ZeroException:
            failures += 1
            in_a_row = 0
            assert time.monotonic() < deadline, f"not recovered after {failures} failures"
    assert (await client.call("save_order", ORDER))["status"] == 0


@pytest.mark.gateway
async def test_drain(start_gateway, own_redis, clients):
    """SIGTERM: /readyz is 503, new calls get an error, what is in flight is answered, exit 0."""
    # Stopped Redis keeps the calls in flight for as long as the test wants.
    gateway = start_gateway(own_redis.url(), environment={"ZEROGATE_REDIS_TIMEOUT": "7s"})
    flying = [clients.open(kind, gateway) for kind in KINDS]
    late = [clients.open(kind, gateway, parallel=1) for kind in KINDS]
    await asyncio.gather(*(client.call("hello_world") for client in flying + late))
    own_redis.pause()
    calls = [asyncio.create_task(client.call("save_order", ORDER)) for client in flying]
    in_flight = lambda: gateway.metrics().total("zerogate_requests_in_flight") == len(calls)
    await until(in_flight, PATIENCE_S, "three calls in flight")

    gateway.terminate()
    await until(lambda: gateway.readyz()[0] == 503, PATIENCE_S, "/readyz is 503")
    for client in late:  # an idle TCP connection may be closed as well
        with pytest.raises((RemoteException, ConnectionException)):
            async with asyncio.timeout(PATIENCE_S):  # workers hear of it after /readyz
                while True:
                    await client.call("hello_world", timeout=3_000)
    own_redis.resume()
    assert [order["status"] for order in await asyncio.gather(*calls)] == [0] * len(calls)
    await asyncio.to_thread(gateway.wait_for_exit)


@pytest.mark.gateway
async def test_idle_gateway_ends_at_once(gateway, clients):
    for kind in KINDS:
        await clients.open(kind, gateway).call("hello_world")
    begun = time.monotonic()
    await asyncio.to_thread(gateway.stop)
    assert time.monotonic() - begun < 4, "half of drain_timeout"


@pytest.mark.gateway
async def test_slow_reader_does_not_disturb_others(gateway, clients):
    """A client that sends and never reads is not read any more, or is given up: what it asks for
    does not fill the memory."""
    client = clients.open("tcp", gateway)
    await client.call("hello_world")
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.tcp_port, limit=1024)
    writer.transport.pause_reading()
    writer.transport.set_write_buffer_limits(high=MIB)
    frame = t3_frame(1, t3_payload("echo", msgspec.msgpack.encode(bytes(MIB))))
    for _ in range(200):
        writer.write(frame)
        try:
            await asyncio.wait_for(writer.drain(), 1)
        except (asyncio.TimeoutError, ConnectionError):
            break
    else:
        pytest.fail("200 MiB were taken from a client that reads nothing")
    assert await client.call("hello_world") == "hello world"
    writer.transport.abort()
    gone = lambda: gateway.metrics().total("zerogate_requests_in_flight") == 0
    await until(gone, PATIENCE_S, "nothing is in flight")
    assert await client.call("hello_world") == "hello world"


async def test_zmq_calls_without_waiting(peer):
    """A thousand requests before the first answer is read."""
    ids = [i.to_bytes(16, "big") for i in range(1_000)]
    async with ZmqConnection(peer.zmq_port) as connection:
        for request_id in ids:
            body = request_id + b"echo".ljust(80) + b"\xcd" + request_id[-2:]
            await connection.socket.send(body)
        answers = [await connection.receive() for _ in ids]
    assert sorted(answer[0][:16] for answer in answers) == ids
    for [answer] in answers:
        assert msgspec.msgpack.decode(answer[16:]) == int.from_bytes(answer[:16], "big")
