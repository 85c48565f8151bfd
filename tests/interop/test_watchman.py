"""The tests' own servers end with the tests, even with ones that are killed."""

import os
import socket
import subprocess
import sys

import pytest

from bridge_backend import WORKERS
from waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.gateway, pytest.mark.once]

HERE = os.path.dirname(os.path.abspath(__file__))
KILLED = """
from bridge_backend import Backend
print(Backend("tcp").start().port, flush=True)
input()
"""


def test_no_server_outlives_a_test_that_is_killed():
    command = [sys.executable, "-c", KILLED]
    environment = {**os.environ, "PYTHONPATH": HERE}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        port = int(process.stdout.readline())
        process.kill()

    def refused():
        with socket.socket() as peer:
            return peer.connect_ex(("127.0.0.1", port)) != 0

    wait_until(refused, PATIENCE_S, f"all {WORKERS} workers have ended")
