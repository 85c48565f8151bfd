"""Zero's AsyncZeroClient over ZeroMQ dies once no message has come for its default_timeout: its
receiving loop ends, and every later call times out. The gateway keeps it alive with frames that
belong to no call.

These tests are long by nature: what they wait for is time that passes in silence."""

import asyncio
import time

import pytest
from zero.error import TimeoutException

from raw import CONNECTED, NOTHING, ZmqConnection

AFTER = "ZEROGATE_ZMQ_KEEP_ALIVE"


async def quiet(client, seconds, timeout=None):
    """Says hello, is quiet, and says hello again; returns how long that took."""
    assert await client.call("hello_world") == "hello world"
    await asyncio.sleep(seconds)
    begun = time.monotonic()
    assert await client.call("hello_world", timeout=timeout) == "hello world"
    return time.monotonic() - begun


async def test_quiet_clients(peer, clients):
    """Quiet for three times its time-out: with the gateway it is answered, with Zero it is dead.
    A sync client, which does not read between its calls, is not disturbed by what it is sent."""
    asynchronous = clients.open("zmq_async", peer, timeout_ms=2_000)
    by_default = clients.open("zmq_sync", peer)
    took_async, took_sync = await asyncio.gather(
        quiet(asynchronous, 6), quiet(by_default, 10), return_exceptions=True
    )
    assert took_sync < 1
    if peer.name == "zero":
        assert isinstance(took_async, TimeoutException)
    else:
        assert took_async < 1


@pytest.mark.gateway
async def test_many_quiet_clients_and_one_that_is_busy(start_gateway, redis, clients):
    """With a shorter time: clients with calls under way in between, and many at once."""
    gateway = start_gateway(redis.url(), environment={AFTER: "300ms"})
    crowd = [clients.open("zmq_async", gateway, timeout_ms=1_000) for _ in range(20)]
    sync = clients.open("zmq_sync", gateway)
    took = await asyncio.gather(*(quiet(client, 3) for client in [*crowd, sync]))
    assert max(took) < 1
    before = gateway.metrics().total("zerogate_requests_total")
    assert before == 21 * 3, "what keeps clients alive is no request"
    for number in range(100):
        assert await sync.call("echo", number) == number


@pytest.mark.gateway
async def test_switched_off_the_client_dies(start_gateway, redis, clients):
    """What all this is for."""
    gateway = start_gateway(redis.url(), environment={AFTER: "off"})
    client = clients.open("zmq_async", gateway, timeout_ms=700)
    with pytest.raises(TimeoutException):
        await quiet(client, 2.1)
    async with ZmqConnection(gateway.zmq_port) as peer:
        [reply] = await peer.exchange(b"i" * 16 + b"connect")
        assert reply == b"i" * 16 + CONNECTED
        assert not await peer.socket.poll(1_000)


@pytest.mark.gateway
async def test_no_frame_before_the_answer_to_connect(start_gateway, redis):
    """A client takes the first frame for the answer to its `connect`: one that has connected but
    not yet spoken gets nothing."""
    gateway = start_gateway(redis.url(), environment={AFTER: "50ms"})
    async with ZmqConnection(gateway.zmq_port) as peer:
        connected = lambda: gateway.metrics().total("zerogate_connections", protocol="zmq") == 1
        while not connected():
            await asyncio.sleep(0.01)
        assert not await peer.socket.poll(300)
        await peer.socket.send(b"i" * 16 + b"connect")
        assert await peer.receive() == [b"i" * 16 + CONNECTED]
        assert await peer.receive() == [NOTHING]
