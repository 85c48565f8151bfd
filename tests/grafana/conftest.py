"""The scenario that the panel tests look at: played once, for all of them."""

import asyncio
import os
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "interop"))  # its servers, clients and gateway

from scenario import Scenario  # noqa: E402

PHASE_S = 2.5
DEFAULT = os.path.join(TOP, "build", "release", "zerogate")
LISTING = pytest.StashKey()


def pytest_configure(config):
    config.stash[LISTING] = []


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """A Scenario that has ended, with a Prometheus that remembers it."""
    binary = os.environ.get("ZEROGATE_BIN", DEFAULT)
    scenario = Scenario(binary, tmp_path_factory.mktemp("scenario"), PHASE_S)
    try:
        scenario.set_up()
        asyncio.run(scenario.play())
        yield scenario
    finally:
        scenario.close()


@pytest.fixture
def listing(request):
    """Lines for the end of the output: every panel and what its queries returned."""
    return request.config.stash[LISTING]


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash[LISTING]
    if lines:
        terminalreporter.section("panels, and the series that their queries returned")
        for line in lines:
            terminalreporter.write_line(line)
