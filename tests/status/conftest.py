"""What the status page's tests stand on: Chromium, and gateways, Redis and clients as the interop
tests have them."""

import os
import sys

import pytest
import pytest_asyncio

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tests", "interop")]

from browser import Browser, missing  # noqa: E402
from clients import Clients  # noqa: E402
from gateway import Gateway  # noqa: E402
from page import StatusPage  # noqa: E402
from redis_server import RedisServer  # noqa: E402

DESKTOP = (1240, 900)


def pytest_configure(config):
    if missing():
        raise pytest.UsageError(f"not installed: {missing()}")


@pytest.fixture(scope="session")
def chromium():
    browser = Browser(*DESKTOP)
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium):
    chromium.resize(*DESKTOP)
    chromium.scheme("light")
    yield chromium
    chromium.driver.get("about:blank")


@pytest.fixture
def redis():
    server = RedisServer().start()
    yield server
    server.close()


@pytest.fixture
def start_gateway(redis):
    gateways = []

    def start(arguments=(), environment=None):
        binary = os.environ.get("ZEROGATE_BIN", os.path.join(TOP, "build", "release", "zerogate"))
        gateways.append(Gateway(binary, redis.url(), arguments, environment))
        return gateways[-1].start()

    yield start
    redis.resume()
    for gateway in gateways:
        gateway.close()


@pytest.fixture
def gateway(start_gateway):
    return start_gateway()


@pytest.fixture
def page(browser, gateway):
    """The page of `gateway`, just opened."""
    return StatusPage(browser, gateway)


@pytest_asyncio.fixture
async def clients():
    opened = Clients()
    yield opened
    await opened.close_all()
