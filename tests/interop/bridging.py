"""What the tests of the bridge share: configurations, and what they look at."""

import asyncio
import time

import pytest
from zero.error import RemoteException

from waiting import SLACK_S

REQUESTS = "zerogate_requests_total"
ATTEMPTS = "zerogate_backend_requests_total"
# From a backend's return to its first answers: while another one serves it is tried every 5 s, and
# half as much later (Endpoint::kSparedBackoffMaxMs), once it has been away for some seconds.
RETURN_S = 7.5 + SLACK_S


def one_backend(*urls, **options):
    """A configuration: everything goes to one backend."""
    return {
        "backends": {"b": {"url": list(urls), **options}},
        "routes": [{"functions": ["*"], "backend": "b"}],
    }


def all_up(gateway, endpoints):
    return lambda: gateway.metrics().total("zerogate_backend_up") == endpoints


def in_flight(gateway, calls):
    return lambda: gateway.metrics().total("zerogate_requests_in_flight") == calls


def queued(gateway, calls):
    return lambda: gateway.metrics().total("zerogate_backend_queue") == calls


def outcome(gateway, name):
    return gateway.metrics().total(REQUESTS, outcome=name)


async def fails(call, within_s, match=None):
    """Awaits a call's RemoteException."""
    begun = time.monotonic()
    with pytest.raises(RemoteException, match=match) as error:
        await call
    assert time.monotonic() - begun < within_s, str(error.value)


async def calls_until_answered(client, function, within_s=RETURN_S):
    """Calls until there is an answer; returns how many calls that took."""
    deadline = time.monotonic() + within_s
    calls = 0
    while True:
        calls += 1
        try:
            await client.call(function)
            return calls
        except RemoteException as error:
            assert time.monotonic() < deadline, f"no answer within {within_s} s: {error}"
            await asyncio.sleep(0.01)
