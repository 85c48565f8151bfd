"""`zerogate healthcheck` finds the gateway that runs, and fails none that is well: an orchestrator that
acts on it would replace it by one that cannot start."""

import os
import subprocess

import pytest

from gateway import Gateway, in_container
from test_drain import post
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.gateway

CLOSED = "127.0.0.1:1"
# In a chroot / may be no mount, whose propagation could be changed; /proc is, and is made private.
UNSHARE = "unshare --pid --fork --kill-child --mount-proc --propagation unchanged".split()


def check(*command, variables=None):
    """(exit status, what it says)"""
    done = subprocess.run(
        [*command, "healthcheck"] if len(command) == 1 else command,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **(variables or {})},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(name="configured")
def configured_fixture(binary, tmp_path):
    """(gateway, its file): the address of its admin port stands there."""
    file = tmp_path / "zerogate.yaml"
    gateway = Gateway(binary, "redis://127.0.0.1:1/0", ["--config", str(file)])
    file.write_text(f"admin: 127.0.0.1:{gateway.admin_port}\n")
    gateway.start()
    yield gateway, file
    gateway.close()


@pytest.mark.parametrize("text", (None, "admin: [\n", "nonsense: 1\n", "admin: 127.0.0.1:1\n"))
def test_a_file_that_has_changed_or_gone_does_not_fail_it(binary, configured, text):
    gateway, file = configured
    healthy = (0, f"127.0.0.1:{gateway.admin_port}: ready\n")
    variables = {"ZEROGATE_CONFIG": str(file)}
    assert check(binary, variables=variables) == healthy
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    assert check(binary, variables=variables) == healthy
    assert check(binary, "healthcheck", "--config", str(file)) == healthy
    assert check(binary, "healthcheck", "--admin", CLOSED, variables=variables)[0] != 0
    gateway.stop()
    assert check(binary, "healthcheck", "--config", str(file))[0] != 0
    assert in_container() or check(binary, variables=variables)[0] != 0


def test_one_that_drains_is_not_healthy_though_its_file_has_gone(binary, configured):
    gateway, file = configured
    file.write_text("admin: 127.0.0.1:1\ndrain_delay: 10m\n")
    gateway.close()
    file.write_text(f"admin: 127.0.0.1:{gateway.admin_port}\ndrain_delay: 10m\n")
    gateway.start()
    file.unlink()
    assert post(gateway, "/drain") == 200
    status, text = check(binary, "healthcheck", "--config", str(file))
    assert (status, "draining" in text) == (1, True), text
    gateway.terminate()  # the drain goes on; the one at the test's end ends the delay
    wait_until(lambda: "draining already" in gateway.log, PATIENCE_S, "the first signal has come")


@pytest.mark.skipif(os.getuid() != 0, reason="needs a PID namespace")
def test_in_a_container_a_flag_that_the_check_does_not_know_is_no_harm(binary):
    """Its HEALTHCHECK sees the image's variables, but neither --admin nor --config of the command."""
    command = [binary, "serve", "--listen-tcp", "127.0.0.1:0", "--listen-zmq", "127.0.0.1:0"]
    command += ["--admin", "127.0.0.1:0"]
    with subprocess.Popen(
        [*UNSHARE, *command],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as container:
        try:
            children = f"/proc/{container.pid}/task/{container.pid}/children"
            with open(children, encoding="ascii") as file:
                inside = lambda: file.seek(0) or file.read().split()
                wait_until(inside, PATIENCE_S, "it runs")
                target = inside()[0]
            enter = ["nsenter", "--target", target, "--pid", "--mount", "--root", binary, "healthcheck"]
            variables = {"ZEROGATE_CONFIG": "/etc/of-the-image.yaml", "ZEROGATE_ADMIN": CLOSED}
            healthy = lambda: check(*enter, variables=variables)[0] == 0
            wait_until(healthy, PATIENCE_S, "it is found, and is healthy")
        finally:
            container.kill()  # unshare takes no SIGTERM; its child goes with it
