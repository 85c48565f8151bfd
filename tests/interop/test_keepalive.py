"""Zero's AsyncZeroClient over ZeroMQ dies once no message has come for its default_timeout: its
receiving loop ends, and every later call times out. The gateway keeps it alive with frames that
belong to no call.

These tests are long by nature: what they wait for is time that passes in silence."""

import asyncio
import time

import pytest
from zero.error import TimeoutException

from raw import CONNECTED, GREETING, NOTHING, READY, TcpConnection, ZmqConnection, w5_request
from waiting import SLACK_S

AFTER = "ZEROGATE_ZMQ_KEEP_ALIVE"
FRAMES = "zerogate_keep_alive_frames_total"
QUEUE = 1_000  # messages that libzmq takes for a client that does not read
HEARTBEAT_S = 42  # a PING every 10 s and 30 s for the answer: libzmq's watch, which is not wanted
SLOW_S = 25  # a request of this size may take 30 s, as over TCP


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
    assert took_sync < SLACK_S
    if peer.name == "zero":
        assert isinstance(took_async, TimeoutException)
    else:
        assert took_async < SLACK_S


@pytest.mark.gateway
async def test_many_quiet_clients_and_one_that_is_busy(start_gateway, redis, clients):
    """With a shorter time: clients with calls under way in between, and many at once."""
    gateway = start_gateway(redis.url(), environment={AFTER: "300ms"})
    crowd = [clients.open("zmq_async", gateway, timeout_ms=1_000) for _ in range(20)]
    sync = clients.open("zmq_sync", gateway)
    took = await asyncio.gather(*(quiet(client, 3) for client in [*crowd, sync]))
    assert max(took) < SLACK_S
    before = gateway.metrics().total("zerogate_requests_total")
    assert before == 21 * 3, "what keeps clients alive is no request"
    for number in range(100):
        assert await sync.call("echo", number) == number


async def send_slowly(port, seconds):
    """An echo that comes in pieces, the last one after so long; returns whether it is answered."""
    body = w5_request(b"i" * 16, "echo", b"\xc5\xc3\x50" + b"x" * 50_000)
    message = b"\x02" + len(body).to_bytes(8, "big") + body
    connection = await TcpConnection.open(port)
    async with connection:
        await connection.send(GREETING)
        await connection.receive(len(GREETING))
        await connection.send(READY)
        await connection.reader.readuntil(b"Identity" + b"\0" * 4)
        pieces = int(seconds) + 1
        for number in range(pieces):
            await connection.send(message[number * len(message) // pieces :
                                          (number + 1) * len(message) // pieces])
            await asyncio.sleep(seconds / pieces)
        await connection.reader.readuntil(b"i" * 16 + body[96:])
    return True


async def stand_still(port):
    """Sends half a message, and reads until the connection's end."""
    async with await TcpConnection.open(port) as connection:
        half = b"\x02" + (1 << 16).to_bytes(8, "big") + b"x" * 2_000
        await connection.send(GREETING + READY + half)
        await asyncio.wait_for(connection.reader.read(), HEARTBEAT_S)


@pytest.mark.gateway
async def test_who_is_cut_off_and_who_is_not(start_gateway, redis, clients):
    """Not a sync client that is quiet for longer than its libzmq reads, so that it answers no PING,
    nor a peer whose message comes slowly. But one whose message does not come on."""
    gateway = start_gateway(redis.url(), environment={AFTER: "10ms"})
    took, answered, _ = await asyncio.gather(
        quiet(clients.open("zmq_sync", gateway), HEARTBEAT_S + QUEUE * 0.0125),
        send_slowly(gateway.zmq_port, SLOW_S),
        stand_still(gateway.zmq_port),
    )
    assert took < SLACK_S and answered
    metrics = gateway.metrics()
    assert metrics.total(FRAMES) > QUEUE
    assert metrics.total("zerogate_connections_accepted_total", protocol="zmq") == 3
    rejected = "zerogate_connections_rejected_total"
    assert metrics.total(rejected, protocol="zmq") == 1
    assert metrics.total(rejected, protocol="zmq", reason="stalled") == 1
    assert gateway.told('"connection rejected"', "protocol=zmq", "reason=stalled")


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
