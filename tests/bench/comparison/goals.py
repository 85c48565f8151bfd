"""What Zerogate is meant to reach, and what was measured."""

import statistics
from dataclasses import dataclass

from comparison.plan import (
    BARE_ROUTER,
    BARE_TCP,
    FORWARDER,
    KINDS,
    MOVED_WORKERS,
    ONE_AT_A_TIME,
    PIPELINED,
    PYTHON_BRIDGE,
    TWO_THREADS,
    ZEROGATE,
    find,
    zero,
)


@dataclass
class Goal:
    path: str
    measure: str  # what the figure is
    bound: float
    values: list  # of each round, or the one there is
    unit: str = "×"
    at_least: bool = True

    @property
    def value(self):
        return statistics.median(self.values)

    @property
    def met(self):
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    @property
    def bound_text(self):
        return f"{'≥' if self.at_least else '≤'} {self.bound:g} {self.unit}"


def best_zero(contest):
    """Zero's kind of functions that did better."""
    return max(map(zero, KINDS), key=lambda name: contest.median(name, "rps"))


def ratio_goals(plan):
    hello = lambda *load: find(plan.servers, "hello_world", *load)
    bridge = lambda *load: find(plan.bridges, "hello_world", *load)
    goals = []

    def goal(path, against, bound, values):
        goals.append(Goal(path, f"of {against}", bound, values))

    for protocol, bare, loads in (
        ("tcp", BARE_TCP, (((64, 1), 0.9), ((64, 16), 0.7))),
        ("zmq", BARE_ROUTER, (((8, 8), 0.9), ((8, 64), 0.7))),
    ):
        for shape, bound in loads:
            contest = hello(protocol, *shape)
            path = f"{protocol.upper()} hello, {contest.load.title}"
            goal(path, f"a {bare}", bound, contest.ratios(ZEROGATE, bare))
    save = find(plan.servers, "save_order", "tcp", 64, 1)
    ours = zip(save.values(ZEROGATE, "rps"), hello("tcp", 64, 1).values(ZEROGATE, "rps"))
    goal("TCP save_order, 64 × 1", "our own hello", 0.6, [a / b for a, b in ours])
    zeros = [(save, "TCP save_order", 4), (hello("tcp", 64, 16), "TCP hello", 4)]
    zeros.append((hello("zmq", 8, 64), "ZMQ hello", 10))
    for contest, path, bound in zeros:
        other = best_zero(contest)
        goal(f"{path}, {contest.load.title}", other, bound, contest.ratios(ZEROGATE, other))
    for shape in ((1, 1), (8, 8), (8, 64)):
        contest = bridge("zmq", *shape)
        path = f"bridge ZMQ → TCP, {contest.load.title}"
        goal(path, FORWARDER, 1.0, contest.ratios(ZEROGATE, FORWARDER))
        goal(f"{path}, pipelining", FORWARDER, 1.0, contest.ratios(PIPELINED, FORWARDER))
        goal(path, f"the {PYTHON_BRIDGE}", 10, contest.ratios(ZEROGATE, PYTHON_BRIDGE))
    workers = MOVED_WORKERS[-1]
    contest = plan.moves[workers, (8, 64)]
    path = f"bridge ZMQ → Zero's TCP server, {contest.load.title}"
    goal(path, "in_flight: 1", 1.5, contest.ratios(ZEROGATE, ONE_AT_A_TIME))
    own = zero("async", workers)
    goal(path, "Zero's ZeroMQ server", 6, contest.ratios(ZEROGATE, own))
    two = plan.threads[0]
    path = f"TCP hello, {two.load.title}, 2 threads"
    goal(path, "1 thread", 1.0, two.ratios(TWO_THREADS, ZEROGATE))
    return goals


def idle_goals(idle):
    """`idle` as comparison.idle.measure() returns it."""
    return [
        Goal("idle", "resident", 15, [idle["resident_mib"]], "MiB", at_least=False),
        Goal("idle", "per TCP connection", 8, [idle["connection_kib"]], "KiB", at_least=False),
        Goal("idle", "wake-ups per second", 0, [idle["wakeups_per_s"]], "", at_least=False),
    ]
