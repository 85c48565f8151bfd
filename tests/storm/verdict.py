"""What has to be true of a storm that is over: of the callers' tallies, the services' journals and the
gateway's counters."""

import collections
import itertools

import msgspec

import orders
from bridging import ATTEMPTS, REQUESTS

BUSY_SHARE = 0.2  # of the calls at least that have to succeed in a storm: else it tests nothing
KEYS_AT_ONCE = 1_000


def answers_are_right(callers, tallies, services):
    ok = sum(sum(tally["ok"].values()) for tally in tallies)
    errors = sum(sum(tally["errors"].values()) for tally in tallies)
    print(f"{ok} calls answered, {errors} errors")
    for caller, tally in zip(callers, tallies):
        print(f"  {caller.name}: ok {sum(tally['ok'].values())}, {tally['errors']}")
        assert not tally["wrong"], f"{caller.name}: another's answer: {tally['wrong'][:5]}"
        assert not tally["late"], f"{caller.name}: never answered: {tally['late'][:5]}"
    assert ok > BUSY_SHARE * (ok + errors), "hardly a call succeeded"

    marks = [mark for service in services for mark in service.marks()]
    twice = [mark for mark, times in collections.Counter(marks).items() if times > 1]
    assert not twice, f"executed twice: {twice[:5]}"
    executed = set(marks)
    for caller, tally in zip(callers, tallies):
        invented = set(tally["marked"]) - executed
        assert not invented, f"{caller.name}: answered, never executed: {list(invented)[:5]}"
    print(f"{len(marks)} marks executed, none twice")


def orders_are_kept(tallies, redis):
    """What a caller heard of is in Redis, as its own, and no call has saved two."""
    kept = {}
    ids = redis.scan_iter(count=KEYS_AT_ONCE)
    while some := list(itertools.islice(ids, KEYS_AT_ONCE)):
        for value in redis.mget(some):
            order = msgspec.msgpack.decode(value, type=orders.Order)
            kept[order.id] = order.created_by
    for tally in tallies:
        lost = {i: token for i, token in tally["orders"].items() if kept.get(i) != token}
        assert not lost, f"answered as saved, not in Redis: {list(lost.items())[:5]}"
    twice = [token for token, times in collections.Counter(kept.values()).items() if times > 1]
    assert not twice, f"saved twice: {twice[:5]}"
    print(f"{len(kept)} orders saved, none twice, none lost")


def counts_agree(tallies, metrics):
    """Both sides of the gateway tell the same story: what callers were answered, the gateway counted;
    what it counted as sent to a service and answered, was answered to someone."""
    answered = collections.Counter()
    for tally in tallies:
        answered.update(tally["ok"])
    for function, count in answered.items():
        counted = metrics.total(REQUESTS, function=function, outcome="ok")
        assert count <= counted, f"{function}: {count} answers, {counted:.0f} counted"
    of_services = [function for function in answered if not function.endswith("_order")]
    total = lambda outcome: sum(
        metrics.total(REQUESTS, function=function, outcome=outcome) for function in of_services
    )
    ended = total("ok") + total("abandoned") + total("error")
    back = metrics.total(ATTEMPTS, outcome="ok") + metrics.total(ATTEMPTS, outcome="error")
    print(f"{back:.0f} answers of services, {ended:.0f} calls that ended with one or failed")
    assert back <= ended, "answers of services that no call was counted for"


def forgotten_tls_is_counted(times, metrics):
    counted = metrics.total("zerogate_malformed_total", reason="bad_tls") if times else 0
    assert counted == times, f"TLS was forgotten {times} times, {counted:.0f} counted"
