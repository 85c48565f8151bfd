"""Waiting for a condition, with a deadline: the tests never sleep and hope."""

import asyncio
import time

POLL_S = 0.005


def wait_until(condition, timeout_s, what):
    """Calls `condition` until it is true; its last value is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(POLL_S)


async def until(condition, timeout_s, what):
    """wait_until for coroutines: the event loop goes on meanwhile."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        await asyncio.sleep(POLL_S)
