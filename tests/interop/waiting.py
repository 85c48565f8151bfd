"""Waiting for a condition, with a deadline: the tests never sleep and hope."""

import asyncio
import time

POLL_S = 0.005
# For what comes in no time on a machine that is not busy. It costs time only where a test fails.
PATIENCE_S = 90
# For a busy machine: what a deadline may be late, and what "at once" may take.
SLACK_S = 2.5
# A look may itself take long: a scrape on a busy machine blocks the test's event loop, in which the
# clients and backends live that it waits for. They get four fifths of the time.
SLEEP_PER_LOOK = 4

_looks_under_way = 0


def is_looking():
    """A condition is being looked at, and will be again: what it asks need not be the last word."""
    return _looks_under_way > 0


def wait_until(condition, timeout_s, what):
    """Calls `condition` until it is true; its last value is returned. For the error, `what` is a text,
    or a function that makes one of how things stand by then."""
    for pause_s in _looks(timeout_s, what):
        if value := _look(condition):
            return value
        time.sleep(pause_s())


async def until(condition, timeout_s, what):
    """wait_until for coroutines: the event loop goes on meanwhile."""
    for pause_s in _looks(timeout_s, what):
        if value := _look(condition):
            return value
        await asyncio.sleep(pause_s())


def _look(condition):
    global _looks_under_way
    _looks_under_way += 1
    try:
        return condition()
    finally:
        _looks_under_way -= 1


def _looks(timeout_s, what):
    """Each time a look begins: a function that says how long to sleep after it."""
    deadline = time.monotonic() + timeout_s
    while True:
        begun = time.monotonic()
        yield lambda: max(POLL_S, SLEEP_PER_LOOK * (time.monotonic() - begun))
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {timeout_s} s: {text}")
