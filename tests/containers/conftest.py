"""The image and the stack, built from the real files once for all tests."""

import os
import shutil

import pytest
import pytest_asyncio

# First, for it finds the modules of the interop tests.
from containers import BUILD_S, IMAGE, RESTRICTED, TOP, Compose, Container, engine, readme_lines
from clients import Clients
from own_port import own_port

REVISION = "0123456789ab"


def pytest_configure(config):
    if "ENGINE" not in os.environ:
        raise pytest.UsageError("start it as tests/containers/engine python -m pytest tests/containers")


def pytest_report_header(config):
    return f"engine: {os.environ['ENGINE']}, stand-ins: {os.environ.get('STAND_INS') or 'none'}"


class Ports:
    """Where the stack's ports are published."""

    def __init__(self):
        self.tcp_port, self.zmq_port, self.admin = own_port(), own_port(), own_port()
        self.prometheus, self.grafana = own_port(), own_port()

    def variables(self):
        return {
            "ZEROGATE_TCP_PORT": self.tcp_port,
            "ZEROGATE_ZMQ_PORT": self.zmq_port,
            "ZEROGATE_ADMIN_PORT": self.admin,
            "PROMETHEUS_PORT": self.prometheus,
            "GRAFANA_PORT": self.grafana,
        }


@pytest.fixture(scope="session")
def ports():
    return Ports()


@pytest.fixture(scope="session")
def config_folder(tmp_path_factory):
    """A copy of deploy/stack that a test may change, and that the container's user may read."""
    folder = tmp_path_factory.mktemp("stack")
    shutil.copy(os.path.join(TOP, "deploy", "stack", "zerogate.yaml"), folder)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def compose(ports, config_folder):
    """deploy/docker-compose.yaml, nothing of it started."""
    project = f"zerogate-test-{os.getpid()}"
    variables = {**ports.variables(), "ZEROGATE_REVISION": REVISION}
    variables["ZEROGATE_CONFIG_DIR"] = config_folder
    compose = Compose(project, "deploy/docker-compose.yaml", **variables)
    yield compose
    compose.down()
    assert compose.left_behind() == []


@pytest.fixture(scope="session")
def image(compose):
    compose("build", "gateway", timeout=BUILD_S)
    return IMAGE


@pytest.fixture(scope="session")
def stack(compose, image):
    """All of it, started as README.md says."""
    up = readme_lines("Deploy")[0]
    assert up.endswith(" up -d --build")
    compose.shell(up, timeout=BUILD_S)
    return compose


@pytest.fixture
def start_container(image):
    """Starts the image with options of the engine, restricted, and arguments of the program."""
    started = []

    def start(*options, command=()):
        name = engine("run", "-d", *RESTRICTED, *options, image, *command).strip()
        started.append(Container(name))
        return started[-1]

    yield start
    for container in started:
        container.remove()


@pytest_asyncio.fixture
async def clients():
    opened = Clients()
    yield opened
    await opened.close_all()
