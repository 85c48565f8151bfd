"""What the tests stand on: a redis-server, the peer under test, and the real clients.

The peer is the gateway (`--peer=gateway`, the default) or the real Zero server (`--peer=zero`).
A test that runs against both describes Zero; where the two differ it says so by `peer.name`.
"""

import asyncio
import json
import os
import shutil
import tempfile

import pytest
import pytest_asyncio

from bridge_backend import Backend
from clients import KINDS, Clients
from gateway import Gateway
from redis_server import RedisServer
from served import Served
from zero_reference_server import ReferencePeer

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def pytest_addoption(parser):
    parser.addoption("--peer", choices=("gateway", "zero"), default="gateway")
    default = os.environ.get("ZEROGATE_BIN", os.path.join(TOP, "build", "release", "zerogate"))
    parser.addoption("--zerogate", default=default, help="the gateway's program")


def pytest_report_header(config):
    return f"peer: {config.getoption('--peer')}"


def pytest_configure(config):
    binary = config.getoption("--zerogate")
    if config.getoption("--peer") == "gateway" and not os.access(binary, os.X_OK):
        raise pytest.UsageError(f"no program {binary}: build it, or say where with --zerogate")
    if not shutil.which("redis-server"):
        raise pytest.UsageError("no redis-server: install the package redis-server")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--peer") == "zero":
        skip = pytest.mark.skip(reason="describes the gateway only")
        for item in items:
            if item.get_closest_marker("gateway"):
                item.add_marker(skip)


def new_peer(config, redis_url):
    if config.getoption("--peer") == "zero":
        return ReferencePeer(redis_url)
    return Gateway(config.getoption("--zerogate"), redis_url)


@pytest.fixture(scope="session")
def binary(request):
    """The gateway's program."""
    return os.path.abspath(request.config.getoption("--zerogate"))


@pytest.fixture(scope="session")
def anybodys_binary(binary):
    """The gateway where a user can run it who may read nothing of ours: the sources may lie in /root."""
    with tempfile.TemporaryDirectory(prefix="zerogate-binary-") as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(binary, folder)


@pytest.fixture(autouse=True)
def no_gateway_left():
    yield
    while Served.started:
        Served.started.pop().kill()


@pytest.fixture(scope="session")
def redis():
    """The redis-server of tests that do it no harm."""
    server = RedisServer().start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def module_peer(request, redis):
    peer = new_peer(request.config, redis.url()).start()
    yield peer
    peer.close()


@pytest.fixture
def peer(module_peer):
    """The peer under test. A test that stops, counts or disturbs it wants own_peer instead."""
    yield module_peer
    module_peer.check()


@pytest.fixture
def own_redis():
    """A redis-server that the test may kill or stop."""
    server = RedisServer().start()
    yield server
    server.close()


@pytest.fixture
def own_peer(request, own_redis):
    """A peer of the test's own, with own_redis behind it."""
    peer = new_peer(request.config, own_redis.url()).start()
    yield peer
    own_redis.resume()
    peer.close()


@pytest.fixture
def start_gateway(binary):
    """Starts gateways with arguments and a Redis of the test's choice."""
    gateways = []

    def start(redis_url, arguments=(), environment=None):
        gateways.append(Gateway(binary, redis_url, arguments, environment))
        return gateways[-1].start()

    yield start
    for gateway in gateways:
        gateway.close()


@pytest.fixture
def gateway(start_gateway, own_redis):
    """A gateway of the test's own, with own_redis behind it: for tests marked `gateway`."""
    yield start_gateway(own_redis.url())
    own_redis.resume()


@pytest.fixture
def start_bridge(start_gateway, redis, tmp_path):
    """Starts gateways that forward calls: to these URLs, or as a configuration says, which is
    written to the gateway's `config_file` and may be changed there. To be awaited: the backends
    may be served by the test's own event loop, and the gateway calls them before it is ready."""

    async def start(*urls, config=None, environment=None):
        arguments = [word for url in urls for word in ("--bridge", url)]
        file = tmp_path / "zerogate.yaml"
        if config:
            file.write_text(json.dumps(config))  # JSON is YAML
            arguments += ["--config", str(file)]
        gateway = await asyncio.to_thread(start_gateway, redis.url(), arguments, environment)
        gateway.config_file = file
        return gateway

    return start


@pytest.fixture
def start_backend():
    """Starts real Zero servers by protocol."""
    backends = []

    def start(protocol):
        backends.append(Backend(protocol))
        return backends[-1].start()

    yield start
    for backend in backends:
        backend.close()


@pytest_asyncio.fixture
async def clients():
    opened = Clients()
    yield opened
    await opened.close_all()


@pytest.fixture(params=KINDS)
def kind(request):
    """Every kind of the real clients, by name."""
    return request.param


@pytest_asyncio.fixture
async def client(kind, peer, clients):
    """A real client of every kind, connected to `peer`."""
    return clients.open(kind, peer)
