"""`in_flight: auto`: calls that stand behind others on a connection, and a server that closes it
under them. Each is executed once and has its own answer."""

import asyncio
import os

import msgspec
import pytest

from bridging import all_up, one_backend
from raw import TcpConnection, t3_frame, t3_payload
from scripted_backend import ScriptedTcp
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

SAMPLES = 25  # more than a function needs to be known
CALLS = 6
# However slow this machine is, the calls are put behind others.
OPTIONS = {"connections": 2, "in_flight": "auto", "pipeline_wait": "1h", "timeout": "30s"}
encode, decode = msgspec.msgpack.encode, msgspec.msgpack.decode


async def exchange(connection, function, arguments):
    """All calls in one write; the answers by argument, errors as a dict."""
    frames = [t3_frame(i, t3_payload(function, encode(a))) for i, a in enumerate(arguments)]
    await connection.send(b"".join(frames))
    answers = {}
    for _ in arguments:
        frame = await connection.receive_frame()
        answers[arguments[int.from_bytes(frame[4:8], "big")]] = decode(frame[9:])
    return answers


async def teach(connection, function, argument):
    for _ in range(SAMPLES):
        await exchange(connection, function, [argument])


class OneAtATime:
    """A server as Zero's: once it is armed it gathers CALLS calls of a connection, works on one after
    the other, and closes the connection in the `last` one."""

    def __init__(self):
        self.executed, self.gathered = [], []
        self.armed, self.last = False, 0

    def __call__(self, call):
        if not self.armed:
            self.executed.append(decode(call.data))
            return call.reply(call.data)
        self.gathered.append(call)
        if len(self.gathered) < CALLS:
            return None
        self.armed = False
        for number, gathered in enumerate(self.gathered, 1):
            self.executed.append(decode(gathered.data))
            if number == self.last:
                return gathered.close()
            gathered.reply(gathered.data)


async def test_a_server_that_closes_after_any_number_of_calls(start_bridge):
    work, held = OneAtATime(), []
    async with ScriptedTcp({"work": work, "hold": held.append}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, **OPTIONS))
        async with await TcpConnection.open(gateway.tcp_port) as caller:
            await teach(caller, "work", "known")
            for last in range(1, CALLS + 1):
                await until(
                    lambda: gateway.metrics().total("zerogate_backend_connections") == 2,
                    PATIENCE_S,
                    "both connections are there",
                )
                work.executed.clear(), work.gathered.clear(), held.clear()
                work.armed, work.last = True, last
                before = gateway.metrics()
                await caller.send(t3_frame(99, t3_payload("hold")))  # has one connection for itself
                await until(lambda: held, PATIENCE_S, "it is held")
                arguments = [f"{last}.{i}" for i in range(CALLS)]
                answers = await exchange(caller, "work", arguments)
                assert sorted(work.executed) == arguments
                in_doubt = arguments[last - 1]
                assert "failed under the call" in str(answers.pop(in_doubt))
                assert answers == {a: a for a in arguments if a != in_doubt}
                after = gateway.metrics()
                for name, count in (("pipelined", CALLS - 1), ("resent", CALLS - last), ("retries", 0)):
                    name = f"zerogate_backend_{name}_total"
                    assert after.total(name) - before.total(name) == count, name
                held[0].reply(encode("released"))
                assert decode((await caller.receive_frame())[9:]) == "released"
                await teach(caller, "work", "known")  # it is not, once a server has closed under it


async def test_nothing_is_sent_again_after_a_reply_to_nobody(start_bridge):
    """Its server has begun with more than the oldest call that has no answer."""
    armed, gathered, executed = [], [], []

    def work(call):
        if not armed:
            return call.reply(call.data)
        gathered.append(call)
        if len(gathered) < CALLS:
            return None
        armed.clear()
        executed.extend(decode(each.data) for each in gathered[:2])
        gathered[0].send(t3_frame(gathered[0].request_id ^ 1 << 24, gathered[0].data))
        gathered[1].close()

    held = []
    async with ScriptedTcp({"work": work, "hold": held.append}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, **OPTIONS))
        async with await TcpConnection.open(gateway.tcp_port) as caller:
            await teach(caller, "work", "known")
            await until(
                lambda: gateway.metrics().total("zerogate_backend_connections") == 2,
                PATIENCE_S,
                "both connections are there",
            )
            await caller.send(t3_frame(99, t3_payload("hold")))  # has one connection for itself
            await until(lambda: held, PATIENCE_S, "it is held")
            armed.append(True)
            answers = await exchange(caller, "work", [f"{i}" for i in range(CALLS)])
        assert executed == ["0", "1"]
        assert all("failed under the call" in str(answer) for answer in answers.values())
        assert gateway.metrics().total("zerogate_backend_resent_total") == 0


async def test_a_real_server_that_cannot_encode_a_result(start_bridge, start_backend):
    backend = await asyncio.to_thread(start_backend, "tcp")
    gateway = await start_bridge(config=one_backend(backend.url, **OPTIONS))
    await until(all_up(gateway, 1), PATIENCE_S, "the server is there")
    async with await TcpConnection.open(gateway.tcp_port) as caller:
        await teach(caller, "mark", "known")
        arguments = [f"{i}" for i in range(12)]
        arguments[4] = "no MessagePack"
        answers = await exchange(caller, "mark", arguments)
        assert "failed under the call" in str(answers.pop(arguments[4]))
        assert answers == {a: a for a in arguments if a != arguments[4]}
    with open(os.path.join(backend.directory, "marks")) as marks:
        executed = marks.read().split("\n")[SAMPLES:-1]
    assert sorted(executed) == sorted(arguments)
    assert gateway.metrics().total("zerogate_backend_pipelined_total") >= 10
    assert gateway.metrics().total("zerogate_backend_resent_total") >= 1
