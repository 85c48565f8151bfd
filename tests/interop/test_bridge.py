"""Real clients of every kind reach real Zero servers of both protocols through the gateway.

Without the gateway (`--peer=zero`) a client talks to a server of its own protocol: what then
passes describes Zero, and the bridge must not be told from it."""

import asyncio
import importlib.util
import sys
import time

import msgspec
import pytest
from zero.error import MethodNotFoundException, RemoteException, ValidationException, ZeroException

from bridge_backend import WORKERS, Backend
from clients import CLASSES
from gateway import Gateway
from raw import TcpConnection, ZmqConnection, t3_frame, t3_payload, w5_request
from test_types import PLAIN, TYPED
from waiting import SLACK_S

MIB = 1 << 20


# A worker of Zero's ZeroMQ server does one call at a time: what needs more is for TCP servers.
tcp_backend = pytest.mark.parametrize("backend", ["tcp"], indirect=True, scope="module")
# Zero's ZeroMQ clients cannot send every name: they pad by characters, to 80, and not by bytes.
tcp_client = pytest.mark.parametrize("kind", ["tcp"], indirect=True)


@pytest.fixture(scope="module", params=["tcp", "zmq"])
def backend(request):
    server = Backend(request.param).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def module_bridge(request, redis, backend):
    """The gateway in front of `backend`, or `backend` itself."""
    if request.config.getoption("--peer") == "zero":
        yield backend
        return
    binary = request.config.getoption("--zerogate")
    gateway = Gateway(binary, redis.url(), ["--bridge", backend.url]).start()
    yield gateway
    gateway.close()


@pytest.fixture
def bridge(module_bridge):
    yield module_bridge
    module_bridge.check()


@pytest.fixture
def open_client(kind, backend, bridge, clients):
    if bridge is backend and CLASSES[kind].protocol != backend.protocol:
        pytest.skip("without a bridge a client reaches servers of its own protocol only")
    return lambda **options: clients.open(kind, bridge, **options)


@pytest.fixture
def client(open_client):
    return open_client()


async def warm_up(client, bridge):
    """Zero's asynchronous ZeroMQ client takes the first frame for the answer to its `connect`, and
    a server of several workers may answer a call before that. The gateway never does."""
    if bridge.name == "zero":
        await client.call("hello_world")


async def test_every_function(client, backend):
    assert await client.call("hello_world") == "hello world"
    assert await client.call("hello_world", return_type=str) == "hello world"
    assert await client.call("connect") == "connected"
    assert await client.call("add", {"a": 2, "b": 40}) == 42
    assert await client.call("sleep_ms", 1) == 1
    assert await client.call("block_ms", 1) == 1
    assert (await client.call("who_am_i"))[0] == backend.port


async def test_every_type(client):
    for name, value in PLAIN.items():
        got = await client.call("echo", value)
        assert got == value, name
        assert msgspec.msgpack.encode(got) == msgspec.msgpack.encode(value), name
    for name, (value, plain, return_type) in TYPED.items():
        assert await client.call("echo", value) == plain, name
        assert await client.call("echo", value, return_type=return_type) == value, name


async def test_none_both_ways(client, backend):
    assert await client.call("nothing", 1) is None
    # Zero's ZeroMQ server calls a function with "" where the client has said None.
    assert await client.call("echo", None) == ("" if backend.protocol == "zmq" else None)
    assert await client.call("echo", [None]) == [None]


@pytest.mark.parametrize("value", ["", [], {}, 0, False, b""], ids=repr)
async def test_results_that_are_false(client, value):
    got = await client.call("echo", value)
    assert got == value
    assert type(got) is type(value)


async def test_exception_of_the_function(client):
    with pytest.raises(RemoteException) as error:
        await client.call("boom", "b")
    assert str(error.value) == "RuntimeError('b')"
    assert await client.call("hello_world") == "hello world"


@pytest.mark.parametrize("name", ["nope", "hello_world_", "__server_info__", "x" * 80])
async def test_unknown_function(client, name):
    with pytest.raises(MethodNotFoundException) as error:
        await client.call(name, {"a": 1})
    assert str(error.value) == f"Function `{name}` not found!"


async def test_wrong_argument(client, backend):
    # Zero's TCP server does not check arguments: the function is called, and fails.
    checked = backend.protocol == "zmq"
    with pytest.raises(ValidationException if checked else RemoteException) as error:
        await client.call("add", {"a": "x", "b": 1})
    if checked:
        assert str(error.value) == "Expected `int`, got `str` - at `$.a`"
    else:
        assert "TypeError" in str(error.value)


@pytest.mark.parametrize(
    "key, exception",
    [
        ("__zerror__function_not_found", MethodNotFoundException),
        ("__zerror__server_exception", RemoteException),
        ("__zerror__validation_error", ValidationException),
    ],
)
async def test_a_result_that_looks_like_an_error_is_one(client, key, exception):
    with pytest.raises(exception, match="^boom$"):
        await client.call("echo", {"a": 1, key: "boom"})


@tcp_client
async def test_name_that_does_not_fit_into_zeromq(client, backend):
    name = "n" * 81
    expected = MethodNotFoundException if backend.protocol == "tcp" else ZeroException
    with pytest.raises(expected):
        await client.call(name, timeout=2_000)
    assert await client.call("hello_world") == "hello world"


@tcp_client
@tcp_backend
async def test_name_that_is_not_ascii(client):
    with pytest.raises(MethodNotFoundException, match="^Function `größe` not found!$"):
        await client.call("größe")


async def test_large_payloads(open_client):
    client = open_client(parallel=10)
    assert await client.call("blob", MIB) == b"\xa5" * MIB
    payloads = [bytes([i]) * MIB for i in range(10)]
    small = asyncio.gather(*(client.call("hello_world") for _ in range(50)))
    assert await asyncio.gather(*(client.call("echo", p) for p in payloads)) == payloads
    assert await small == ["hello world"] * 50


async def test_a_hundred_calls_at_once(open_client, bridge):
    client = open_client(parallel=50)
    await warm_up(client, bridge)
    calls = (client.call("echo", [i, "x" * (i * 997 % 5_000)]) for i in range(100))
    results = await asyncio.gather(*calls)
    assert [(i, len(text)) for i, text in results] == [(i, i * 997 % 5_000) for i in range(100)]


@tcp_backend
async def test_ten_slow_calls_at_once(open_client, bridge):
    client = open_client(parallel=10)
    await warm_up(client, bridge)
    await asyncio.gather(*(client.call("hello_world") for _ in range(10)))
    begun = time.monotonic()
    assert await asyncio.gather(*(client.call("sleep_ms", 500) for _ in range(10))) == [500] * 10
    assert time.monotonic() - begun < 0.5 + SLACK_S, "one after the other they take five seconds"


@tcp_backend
async def test_slow_call_does_not_delay_a_quick_one(open_client):
    client = open_client(parallel=2)
    await asyncio.gather(*(client.call("hello_world") for _ in range(2)))
    slow = asyncio.create_task(client.call("sleep_ms", 2_500))
    quick, slowest = 0, 0.0
    while not slow.done() and quick < 50:
        begun = time.monotonic()
        await client.call("hello_world")
        slowest = max(slowest, time.monotonic() - begun)
        quick += 1
    assert quick == 50
    assert not slow.done()
    assert slowest < 1.25
    assert await slow == 2_500


async def test_all_workers_are_used(open_client, bridge):
    client = open_client(parallel=10)
    await warm_up(client, bridge)
    pids = set()
    for _ in range(20):
        answers = await asyncio.gather(*(client.call("who_am_i") for _ in range(20)))
        pids |= {pid for _, pid in answers}
        if len(pids) == WORKERS:
            break
    assert len(pids) == WORKERS


@pytest.mark.gateway
@tcp_backend
async def test_slow_call_does_not_delay_the_next_on_its_connection(bridge):
    """More than the real TCP server does: the next call on the same connection is not held up."""
    async with await TcpConnection.open(bridge.tcp_port) as connection:
        await connection.send(t3_frame(1, t3_payload("sleep_ms", b"\xcd\x01\xf4")))
        await connection.send(t3_frame(2, t3_payload("hello_world")))
        assert (await connection.receive_frame())[4:8] == b"\0\0\0\2"
        assert await connection.receive_frame() == t3_frame(1, b"\xcd\x01\xf4")


@pytest.mark.parametrize("options", ["zmq", "zmq --async", "tcp"])
async def test_generated_client(options, backend, bridge, tmp_path):
    protocol, *more = options.split()
    if bridge is backend and protocol != backend.protocol:
        pytest.skip("without a bridge a client reaches servers of its own protocol only")
    port = bridge.tcp_port if protocol == "tcp" else bridge.zmq_port
    command = [sys.executable, "-m", "zero.generate_client", str(tmp_path), "--overwrite-dir"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--protocol", protocol, *more]
    generator = await asyncio.create_subprocess_exec(*command)
    assert await asyncio.wait_for(generator.wait(), 30) == 0

    code = (tmp_path / "rpc_client.py").read_text()
    assert f'("127.0.0.1", {port}' in code, "it is the gateway's address"
    spec = importlib.util.spec_from_file_location("rpc_client", tmp_path / "rpc_client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    client = module.RpcClient(module.zero_client)
    assert client.add.__annotations__["msg"].__name__ == "Sum"

    async def call(name, *arguments):
        method = getattr(client, name)
        if options == "zmq":
            return await asyncio.to_thread(method, *arguments)
        return await method(*arguments)

    assert await call("add", module.Sum(2, 40)) == 42
    assert await call("hello_world") == "hello world"
    assert await call("echo", {"a": [1, None]}) == {"a": [1, None]}
    assert await call("blob", 3) == b"\xa5" * 3
    if protocol == "tcp":
        await module.zero_client._client_inst._pool.close()
    else:
        module.zero_client.close()


@pytest.mark.gateway
async def test_contract_as_older_clients_ask_for_it(backend, bridge):
    """Up to 0.9.0 clients send host and port only, which a server of 1.0.1 cannot use."""
    async with ZmqConnection(bridge.zmq_port) as connection:
        argument = msgspec.msgpack.encode(["some-host", 1234])
        [reply] = await connection.exchange(w5_request(b"i" * 16, "get_rpc_contract", argument))
    assert reply[:16] == b"i" * 16
    code = msgspec.msgpack.decode(reply[16:])
    assert 'ZeroClient("some-host", 1234)' in code
    assert "AsyncZeroClient" not in code
    assert "def hello_world(self)" in code
