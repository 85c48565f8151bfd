"""The ports of the tests' own servers: see own_port.py."""

import itertools
import os
import subprocess
import sys

import pytest

from own_port import BLOCK, numbers, own_port

HERE = os.path.dirname(os.path.abspath(__file__))
pytestmark = pytest.mark.once  # whichever program is tested


@pytest.mark.parametrize("taken", (range(32_768, 61_000), range(10_000, 60_000), range(15_001, 65_536)))
def test_the_kernel_gives_it_to_nobody(taken):
    ports = set(itertools.islice(numbers(taken), 2 * BLOCK))
    assert len(ports) == BLOCK
    assert not ports & set(taken)


def test_where_the_kernel_gives_out_all_there_are_still_some():
    assert len(set(itertools.islice(numbers(range(1_024, 65_536)), 2 * BLOCK))) == BLOCK


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
