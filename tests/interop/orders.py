"""The order of Zero's benchmark, as a Python service writes it to Redis and reads it back."""

import datetime
import uuid

import msgspec


class SaveOrder(msgspec.Struct):
    """The argument of save_order."""

    user_id: str
    items: list[str]


class Order(msgspec.Struct):
    """What stands in Redis under the order's id. The order of the fields is that of the bytes."""

    id: str
    items: list[str]
    created_by: str
    created_at: str
    status: int
    updated_at: str


def new_order(request):
    now = datetime.datetime.now().isoformat()
    return Order(str(uuid.uuid4()), request.items, request.user_id, now, 0, now)


def encode(order):
    return msgspec.msgpack.encode(order)


def receipt(order):
    """What save_order answers."""
    return {"order_id": order.id, "status": order.status, "items": order.items}


def save(redis, request):
    order = new_order(request)
    redis.set(order.id, encode(order))
    return receipt(order)


def load(redis, order_id):
    value = redis.get(order_id)
    if value is None:
        raise LookupError(f"order `{order_id}` not found")
    return msgspec.msgpack.decode(value, type=Order)
