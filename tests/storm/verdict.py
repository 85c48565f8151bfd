"""What has to be true of a storm that is over: of the callers' tallies, the services' journals and the
gateway's counters."""

import collections

from bridging import ATTEMPTS, REQUESTS

BUSY_SHARE = 0.2  # of the calls at least that have to succeed in a storm: else it tests nothing


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


def counts_agree(tallies, metrics):
    """Both sides of the gateway tell the same story: what callers were answered, the gateway counted;
    what it counted as sent to a service and answered, was answered to someone."""
    answered = collections.Counter()
    for tally in tallies:
        answered.update(tally["ok"])
    for function, count in answered.items():
        counted = metrics.total(REQUESTS, function=function, outcome="ok")
        assert count <= counted, f"{function}: {count} answers, {counted:.0f} counted"
    total = lambda outcome: sum(
        metrics.total(REQUESTS, function=function, outcome=outcome) for function in answered
    )
    ended = total("ok") + total("abandoned") + total("error")
    back = metrics.total(ATTEMPTS, outcome="ok") + metrics.total(ATTEMPTS, outcome="error")
    print(f"{back:.0f} answers of services, {ended:.0f} calls that ended with one or failed")
    assert back <= ended, "answers of services that no call was counted for"
