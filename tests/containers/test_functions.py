"""deploy/examples/functions as an image: three files, and all that the gateway has besides."""

import pytest
from zero.error import ValidationException

from conftest import REVISION
from containers import RESTRICTED, TOP, Container, engine, get
from own_port import own_port
from waiting import wait_until

START_S = 60  # generous: a busy machine
BUILD_S = 300  # generous: a compiler on a busy machine
EXAMPLE = f"{TOP}/deploy/examples/functions"


class Published:
    """Where the container's ports are."""

    def __init__(self):
        self.tcp_port, self.zmq_port, self.admin = own_port(), own_port(), own_port()

    def options(self):
        pairs = ((self.tcp_port, 5559), (self.zmq_port, 5560), (self.admin, 9464))
        return [word for port, inside in pairs for word in ("-p", f"127.0.0.1:{port}:{inside}")]


@pytest.fixture(scope="module")
def notes(image, compose):
    """The example's image, beside the stack's Redis."""
    compose("up", "-d", "redis")
    # With the image's revision, so that it goes on from the image's own layers.
    revision = ("--build-arg", f"ZEROGATE_REVISION={REVISION}")
    sdk = ("build", "-f", f"{TOP}/deploy/Dockerfile", "--target", "sdk", *revision)
    engine(*sdk, "-t", "zerogate-sdk:local", TOP, timeout=BUILD_S)
    engine("build", "-t", "notes:local", EXAMPLE, timeout=BUILD_S)
    ports = Published()
    network = ("--network", f"{compose.project}_default")
    redis = ("-e", "ZEROGATE_REDIS_URL=redis://redis:6379/0")
    command = ("run", "-d", *RESTRICTED, *network, *redis, *ports.options(), "notes:local")
    container = Container(engine(*command).strip())
    wait_until(container.is_healthy, START_S, "zerogate healthcheck")
    yield ports
    container.stop()
    container.remove()


@pytest.mark.parametrize("kind", ["tcp", "zmq_sync"])
async def test_its_functions_serve_real_clients_and_are_counted(notes, clients, kind):
    call = clients.open(kind, notes).call
    assert await call("save_note", {"title": kind, "text": "buy apples"}) == kind
    assert await call("read_note", kind) == "buy apples"
    with pytest.raises(ValidationException, match="Object missing required field `text`"):
        await call("save_note", {"title": "t"})
    status, page = get(notes.admin, "/metrics")
    assert status == 200
    assert 'function="save_note"' in page and "zerogate_redis_up 1" in page
    assert "zerogate_blocking_threads 4" in page
