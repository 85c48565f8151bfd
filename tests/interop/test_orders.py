"""Orders in Redis: what the gateway saves a Python service reads, and the other way round."""

import datetime
import uuid

import msgspec
import pytest

import orders
from raw import TcpConnection, ZmqConnection, t3_payload, t3_frame, w5_request

REQUEST = {"user_id": "1", "items": ["apple", "python"]}
KEY_BYTES, VALUE_BYTES = 36, 159
FIELDS = ["id", "items", "created_by", "created_at", "status", "updated_at"]


@pytest.fixture
def python_redis(redis):
    with redis.client() as client:
        yield client


async def test_python_reads_what_was_saved(client, python_redis):
    before = datetime.datetime.now()
    saved = await client.call("save_order", REQUEST)
    after = datetime.datetime.now()

    key = saved["order_id"].encode()
    value = python_redis.get(key)
    assert len(key) == KEY_BYTES
    assert uuid.UUID(saved["order_id"]).version == 4
    assert str(uuid.UUID(saved["order_id"])) == saved["order_id"], "lower case"
    assert len(value) == VALUE_BYTES
    assert python_redis.ttl(key) == -1, "no expiry"
    assert list(msgspec.msgpack.decode(value)) == FIELDS

    order = orders.load(python_redis, saved["order_id"])
    assert (order.id, order.items) == (saved["order_id"], ["apple", "python"])
    assert (order.created_by, order.status) == ("1", 0)
    assert order.updated_at == order.created_at
    created = datetime.datetime.fromisoformat(order.created_at)
    assert created.tzinfo is None
    assert len(order.created_at) == len("2024-02-29T23:59:59.123456"), "microseconds"
    assert before - datetime.timedelta(milliseconds=5) <= created
    assert created <= after + datetime.timedelta(milliseconds=5)


async def test_the_bytes_are_msgspecs(client, python_redis):
    saved = await client.call("save_order", REQUEST)
    value = python_redis.get(saved["order_id"])
    assert msgspec.msgpack.encode(msgspec.msgpack.decode(value, type=orders.Order)) == value


async def test_what_python_saved_is_got(client, python_redis):
    saved = orders.save(python_redis, orders.SaveOrder("42", ["Grüße", ""]))
    order = await client.call("get_order", saved["order_id"])
    assert list(order) == FIELDS
    assert order == msgspec.msgpack.decode(python_redis.get(saved["order_id"]))
    typed = await client.call("get_order", saved["order_id"], return_type=orders.Order)
    assert typed == orders.load(python_redis, saved["order_id"])


@pytest.mark.parametrize(
    "user_id, items",
    [
        ("", []),
        ("u" * 31, ["i"] * 15),
        ("u" * 32, ["i"] * 16),
        ("ü" * 200, ["日本語", "x" * 300]),
        ("1", ["x" * 70_000]),
        ("1", [str(i) for i in range(70_000)]),
    ],
    ids=["empty", "short", "str8 array16", "text", "str32", "array32"],
)
async def test_orders_of_every_size(client, python_redis, user_id, items):
    saved = await client.call("save_order", {"user_id": user_id, "items": items})
    assert saved["items"] == items
    order = orders.load(python_redis, saved["order_id"])
    assert (order.created_by, order.items) == (user_id, items)
    assert await client.call("get_order", saved["order_id"], return_type=orders.Order) == order
    value = python_redis.get(saved["order_id"])
    assert msgspec.msgpack.encode(order) == value


async def test_every_order_has_an_id_of_its_own(client):
    ids = {(await client.call("save_order", REQUEST))["order_id"] for _ in range(200)}
    assert len(ids) == 200


def expected_reply(order_id):
    head = b"\x83\xa8order_id\xd9\x24" + order_id
    return head + b"\xa6status\x00\xa5items\x92\xa5apple\xa6python"


async def test_reply_bytes(peer):
    data = msgspec.msgpack.encode(REQUEST)
    async with await TcpConnection.open(peer.tcp_port) as tcp:
        await tcp.send(t3_frame(9, t3_payload("save_order", data)))
        frame = await tcp.receive_frame()
    order_id = msgspec.msgpack.decode(frame[9:])["order_id"].encode()
    assert frame == t3_frame(9, expected_reply(order_id))
    assert len(frame) == 85

    async with ZmqConnection(peer.zmq_port) as zmq:
        [reply] = await zmq.exchange(w5_request(b"i" * 16, "save_order", data))
    order_id = msgspec.msgpack.decode(reply[16:])["order_id"].encode()
    assert reply == b"i" * 16 + expected_reply(order_id)
    assert len(reply) == 92


@pytest.mark.gateway
async def test_the_reference_server_and_the_gateway_read_each_other(redis, peer, clients):
    from zero_reference_server import ReferencePeer

    reference = ReferencePeer(redis.url()).start()
    try:
        by_gateway = await clients.open("tcp", peer).call("save_order", REQUEST)
        by_zero = await clients.open("zmq_async", reference).call("save_order", REQUEST)
        for order_id in (by_gateway["order_id"], by_zero["order_id"]):
            from_gateway = await clients.open("zmq_async", peer).call("get_order", order_id)
            from_zero = await clients.open("tcp", reference).call("get_order", order_id)
            assert from_gateway == from_zero
            assert from_zero["id"] == order_id
        await clients.close_all()
    finally:
        reference.close()
