"""The ports of the tests' own servers: see own_port.py."""

import os
import subprocess
import sys

import pytest

from own_port import BLOCK, given_out, own_port

HERE = os.path.dirname(os.path.abspath(__file__))
pytestmark = pytest.mark.once  # whichever program is tested


def test_the_kernel_gives_it_to_nobody():
    if len(given_out()) > (1 << 15):
        pytest.skip("here it gives out nearly all: net.ipv4.ip_local_port_range")
    assert not {own_port() for _ in range(2 * BLOCK)} & set(given_out())


def test_no_other_process_takes_it():
    ours = {own_port() for _ in range(BLOCK)}
    script = "from own_port import *; print(*(own_port() for _ in range(BLOCK)))"
    others = [
        subprocess.Popen([sys.executable, "-c", script], cwd=HERE, stdout=subprocess.PIPE, text=True)
        for _ in range(10)
    ]
    for other in others:
        theirs = {int(port) for port in other.communicate()[0].split()}
        assert len(theirs) > BLOCK / 2
        assert not theirs & ours
