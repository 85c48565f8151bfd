"""The behaviour of Zero's own functional test suite, with functions in C++ and real clients."""

import asyncio
import os
import pathlib
import subprocess
import sys
from random import Random

import msgspec
import pydantic
import pytest
import zero.error

import functional_cases as cases
from gateway import Gateway
from old_releases import make_environment
from raw import TcpConnection, t3_frame, t3_payload
from waiting import PATIENCE_S, wait_until

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 120  # generous: a sanitizer build on a busy machine
pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def functional(request, redis):
    binary = pathlib.Path(request.config.getoption("--zerogate")).resolve().with_name("functional")
    gateway = Gateway(str(binary), redis.url()).start()
    yield gateway
    gateway.close()


@pytest.fixture
def call(kind, functional, clients):
    return clients.open(kind, functional).call


def case_id(case):
    function, argument, *_ = case
    return f"{function} {argument!r}"[:40]


@pytest.mark.parametrize("case", cases.RESULTS, ids=case_id)
async def test_results(call, case):
    function, argument, return_type, wanted = case
    got = await call(function, argument, return_type=return_type)
    assert not cases.differs(got, wanted)


@pytest.mark.parametrize("case", cases.ERRORS, ids=case_id)
async def test_errors_are_exceptions(call, case):
    function, argument, name, text = case
    with pytest.raises(getattr(zero.error, name)) as caught:
        await call(function, argument)
    assert text in str(caught.value)


class Model(pydantic.BaseModel):
    name: str
    age: int


async def test_pydantic_models(kind, call):
    model = Model(name="John", age=30)
    # Zero's own TCP client encodes the model within its envelope, where it cannot.
    argument = model.model_dump() if kind == "tcp" else model
    assert await call("echo_pydantic", argument) == {"name": "John", "age": 30}
    assert await call("echo_pydantic", argument, return_type=Model) == model


async def test_a_late_call_does_not_disturb_the_next(call):
    with pytest.raises(zero.error.TimeoutException):
        await call("sleep", 2_000, timeout=50)
    for ms in (1, 2):
        assert await call("sleep", ms) == f"slept for {ms} msecs"


async def test_calls_at_the_same_time_get_their_own_answers(call):
    pairs = [(whole, by) for whole in (10, 534) for by in range(1, 12)]
    answers = await asyncio.gather(*(call("divide", pair) for pair in pairs))
    assert answers == [whole // by for whole, by in pairs]
    naps = await asyncio.gather(*(call("sleep", 20 + ms) for ms in range(8)))
    assert naps == [f"slept for {20 + ms} msecs" for ms in range(8)]


async def test_what_no_client_can_encode_is_not_sent(call):
    with pytest.raises(TypeError):
        await call("echo", object())
    assert await call("echo", "hello") == "hello"


@pytest.mark.parametrize("release", ["0.9.0", "1.0.1"])
@pytest.mark.parametrize("kind_of_client", ["sync", "async"])
def test_clients_of_both_releases(functional, release, kind_of_client):
    python = sys.executable if release == "1.0.1" else make_environment(release)
    done = subprocess.run(
        [python, HERE / "functional_client.py", str(functional.zmq_port), kind_of_client],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    made = len(cases.RESULTS) + len(cases.ERRORS)
    assert done.stdout.splitlines() == [f"made {made} calls"]


async def chase(port, numbers, reads):
    """Makes these calls at once, reads so many answers, and goes. Returns what it has read."""
    async with await TcpConnection.open(port) as tcp:
        for number in numbers:
            argument = msgspec.msgpack.encode(number)
            await tcp.send(t3_frame(number, t3_payload("chase", argument)))
        return [await tcp.receive_frame() for _ in range(reads)]


async def test_clients_that_vanish_get_nobody_elses_answers(functional):
    """The gateway's end shows whether a coroutine that was destroyed has left something behind."""
    calls = int(os.environ.get("ZEROGATE_VANISHING_CALLS", 4_000))
    random = Random(7)
    next_number = 1
    read = 0
    while next_number <= calls:
        clients = []
        for _ in range(32):
            numbers = range(next_number, next_number + random.randint(1, 40))
            next_number = numbers.stop
            reads = len(numbers) if random.random() < 0.5 else random.randrange(len(numbers))
            clients.append((numbers, chase(functional.tcp_port, numbers, reads)))
        answers = await asyncio.gather(*(client for _, client in clients))
        for (numbers, _), frames in zip(clients, answers):
            own = {
                t3_frame(number, msgspec.msgpack.encode(f"{number} {number}"))
                for number in numbers
            }
            assert len(set(frames)) == len(frames) and set(frames) <= own
            read += len(frames)
    assert read > calls / 2
    await asyncio.to_thread(
        wait_until,
        lambda: functional.metrics().total("zerogate_requests_in_flight") == 0,
        PATIENCE_S,
        "no call under way",
    )
    metrics = functional.metrics()
    assert metrics.total("zerogate_requests_total", function="chase", outcome="ok") >= read
    assert metrics.total("zerogate_blocking_queued") == 0
    assert metrics.total("zerogate_blocking_threads") == 2


def test_each_kind_of_exception_is_logged_once(functional):
    def kinds():
        lines = functional.told('event="function failed"')
        return sorted(line.split("function=")[1].split()[0] for line in lines)

    wait_until(lambda: len(kinds()) >= 3, PATIENCE_S, "three lines")
    assert kinds() == ["divide", "error", "work"]
