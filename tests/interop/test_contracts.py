"""Clients that `python -m zero.generate_client` writes from a gateway's own functions: of both
releases that have the command, over both protocols, checked by mypy and called."""

import asyncio
import os
import pathlib
import sys
import time

import msgspec
import pytest

from bridging import all_up, one_backend
from clients import Clients
from gateway import Gateway
from old_releases import make_environment
from own_port import own_port
from scripted_backend import ScriptedZmq, silent
from waiting import SLACK_S, wait_until

HERE = pathlib.Path(__file__).resolve().parent
COMMAND_TIMEOUT_S = 120  # generous: mypy on a busy machine
pytestmark = pytest.mark.gateway

# Each way that Zero has to ask: its release and the command's further words.
WAYS = {
    "1.0.1 zmq": ["--protocol", "zmq"],
    "1.0.1 zmq async": ["--protocol", "zmq", "--async"],
    "1.0.1 tcp": ["--protocol", "tcp"],
    "0.9.0": [],
}


@pytest.fixture(scope="session")
def program(request):
    """The gateway of contract_functions.cc."""
    binary = pathlib.Path(request.config.getoption("--zerogate")).resolve()
    return str(binary.with_name("contract_functions"))


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture
def start_program(program, redis, tmp_path):
    """Starts that gateway; to be awaited, as start_bridge is."""
    gateways = []

    async def start(config=None, zmq_port=None):
        arguments = []
        if config:
            file = tmp_path / f"zerogate-{len(gateways)}.json"
            file.write_bytes(msgspec.json.encode(config))  # JSON is YAML
            arguments = ["--config", str(file)]
        gateways.append(Gateway(program, redis.url(), arguments))
        gateways[-1].zmq_port = zmq_port or gateways[-1].zmq_port
        return await asyncio.to_thread(gateways[-1].start)

    yield start
    for gateway in gateways:
        gateway.close()


@pytest.fixture(params=list(WAYS))
def way(request):
    """An interpreter with a release of zeroapi, and the words for its generate_client."""
    release = request.param.split()[0]
    python = sys.executable if release == "1.0.1" else make_environment(release)
    return python, WAYS[request.param]


async def run(*command):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    out, _ = await asyncio.wait_for(process.communicate(), COMMAND_TIMEOUT_S)
    return process.returncode, out.decode()


async def generate(way, gateway, folder):
    """Writes rpc_client.py into the folder, as a user does, and returns its text."""
    python, words = way
    port = gateway.tcp_port if "tcp" in words else gateway.zmq_port
    command = [python, "-m", "zero.generate_client", folder, "--overwrite-dir", *words]
    status, out = await run(*command, "--host", "127.0.0.1", "--port", port)
    assert status == 0, out
    return (folder / "rpc_client.py").read_text()


async def last_line_of(*command):
    """What a program prints last; Zero's clients print what they log, too."""
    status, out = await run(*command)
    assert status == 0, out
    return out.splitlines()[-1]


async def check_types(mypy_cache, *files):
    return await run(sys.executable, "-m", "mypy", "--strict", "--cache-dir", mypy_cache, *files)


async def test_a_generated_client_is_typed_and_works(way, start_program, tmp_path, mypy_cache):
    gateway = await start_program()
    await generate(way, gateway, tmp_path)
    status, out = await check_types(mypy_cache, tmp_path / "rpc_client.py")
    assert status == 0, out
    assert await last_line_of(way[0], HERE / "contract_calls.py", tmp_path) == "fine"


async def test_the_gateways_own_functions_have_a_contract(way, redis, start_gateway, tmp_path, mypy_cache):
    gateway = await asyncio.to_thread(start_gateway, redis.url())
    await generate(way, gateway, tmp_path)
    status, out = await check_types(mypy_cache, tmp_path / "rpc_client.py")
    assert status == 0, out
    script = (
        "import asyncio, inspect, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import rpc_client as r\n"
        "async def main():\n"
        "    client = r.RpcClient(r.zero_client)\n"
        "    async def call(name, *arguments):\n"
        "        result = getattr(client, name)(*arguments)\n"
        "        return await result if inspect.isawaitable(result) else result\n"
        "    assert await call('hello_world') == 'hello world'\n"
        "    assert await call('echo', {'a': [1, None]}) == {'a': [1, None]}\n"
        "    saved = await call('save_order', r.NewOrder('u', ['x', 'y']))\n"
        "    assert isinstance(saved, r.SavedOrder) and saved.items == ['x', 'y']\n"
        "    order = await call('get_order', saved.order_id)\n"
        "    assert isinstance(order, r.Order) and order.created_by == 'u'\n"
        "    print('fine')\n"
        "asyncio.run(main())\n"
    )
    assert await last_line_of(way[0], "-c", script, tmp_path) == "fine"


@pytest.mark.once
async def test_mypy_sees_a_wrong_call(start_program, tmp_path, mypy_cache):
    gateway = await start_program()
    await generate((sys.executable, WAYS["1.0.1 zmq"]), gateway, tmp_path)
    (tmp_path / "use.py").write_text(
        "import rpc_client as r\n"
        "client = r.RpcClient(r.zero_client)\n"
        "of: str = client.sum(r.Sum('x')).of\n"
        "client.sum(r.Sum(3))\n"
        "wrong: int = client.sum(r.Sum('x')).of\n"
    )
    status, out = await run(
        *(sys.executable, "-m", "mypy", "--cache-dir", mypy_cache),
        *(tmp_path / "rpc_client.py", tmp_path / "use.py"),
    )
    assert status == 1
    assert "use.py:4" in out and "use.py:5" in out and "Found 2 errors" in out, out


@pytest.mark.parametrize("protocol", ["zmq", "tcp"])
async def test_functions_of_a_backend_stand_behind_those_served_here(
    way, protocol, start_program, start_backend, tmp_path, mypy_cache
):
    backend = await asyncio.to_thread(start_backend, protocol)
    gateway = await start_program(one_backend(backend.url))
    code = await generate(way, gateway, tmp_path)
    assert await last_line_of(way[0], HERE / "contract_calls.py", tmp_path) == "fine"
    assert code.index("def numbers(") < code.index("def add(")
    assert code.count("def hello_world(") == 1, "the router sends it here"
    assert code.count("def connect(") == 0
    assert "class Sum:" in code and "class Sum_b(msgspec.Struct):" in code
    script = (
        "import asyncio, inspect, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import rpc_client as r\n"
        "async def main():\n"
        "    answer = r.RpcClient(r.zero_client).add(r.Sum_b(2, 40))\n"
        "    print(await answer if inspect.isawaitable(answer) else answer)\n"
        "asyncio.run(main())\n"
    )
    assert await last_line_of(way[0], "-c", script, tmp_path) == "42"


async def test_only_what_the_routes_send_to_a_backend_is_its(start_program, start_backend, tmp_path):
    backend = await asyncio.to_thread(start_backend, "zmq")
    gateway = await start_program(
        {
            "backends": {"first": {"url": backend.url}, "second": {"url": backend.url}},
            "routes": [
                {"functions": ["add", "no_such"], "backend": "second"},
                {"functions": ["a*", "blob"], "backend": "first"},
            ],
            "handlers": ["sum"],
        }
    )
    code = await generate((sys.executable, WAYS["1.0.1 zmq"]), gateway, tmp_path)
    methods = [line.split("(")[0].split()[-1] for line in code.splitlines() if "    def " in line]
    assert methods == ["__init__", "sum", "add", "blob"]


async def contract(gateway, kind="zmq_async"):
    clients = Clients()
    try:
        client = clients.open(kind, gateway)
        return await client.call("get_rpc_contract", ["h", 1, "zmq", False])
    finally:
        await clients.close_all()


async def test_a_backend_that_is_silent_is_left_out_in_time(start_program):
    async with ScriptedZmq({"get_rpc_contract": silent}) as backend:
        gateway = await start_program(one_backend(backend.url))
        began = time.monotonic()
        code = await contract(gateway)
        assert time.monotonic() - began < 2 + SLACK_S
    assert "def sum(" in code
    [note] = [line for line in code.splitlines() if line.startswith("# Note: ")]
    assert note.startswith("# Note: the functions of backend 'b' are missing: '"), note
    compile(code, "rpc_client.py", "exec")


@pytest.mark.parametrize(
    "answer", ["no client\r\nimport os", 5, {"__zerror__failed_to_generate_client_code": "a\nb"}]
)
async def test_a_backend_without_a_contract_is_left_out(answer, start_program):
    script = {"get_rpc_contract": lambda call: call.reply(msgspec.msgpack.encode(answer))}
    async with ScriptedZmq(script) as backend:
        gateway = await start_program(one_backend(backend.url))
        code = await contract(gateway)
    assert "# Note: the functions of backend 'b' are missing: '" in code
    assert "import os" not in code
    compile(code, "rpc_client.py", "exec")


async def test_gateways_in_a_ring_answer_all_the_same(start_program):
    """Each asks the other: the hops that a call has made end it."""
    ports = own_port(), own_port()
    gateways = [
        await start_program(one_backend(f"zmq://127.0.0.1:{other}"), zmq_port=own)
        for own, other in (ports, ports[::-1])
    ]
    for gateway in gateways:
        await asyncio.to_thread(wait_until, all_up(gateway, 1), 30, "the other is reached")
        code = await contract(gateway)
        assert code.count("def sum(") == 1


async def test_a_wrong_argument_is_a_validation_error(start_program):
    gateway = await start_program()
    clients = Clients()
    client = clients.open("tcp", gateway)
    with pytest.raises(Exception, match="Unsupported protocol: http"):
        await client.call("get_rpc_contract", ["h", 1, "http", False])
    with pytest.raises(Exception, match="Expected `array`, got `null`|Expected `array`, got `None`"):
        await client.call("get_rpc_contract")
    await clients.close_all()
