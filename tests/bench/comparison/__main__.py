"""Zerogate beside Zero and beside the least that libuv, libzmq, zmq_proxy and HAProxy can do, all
in one run. tests/bench/compare sets everything up and starts this."""

import argparse
import contextlib
import json
import logging
import os
import signal
import sys

from comparison import facts, goals, idle, readme, tables
from comparison.common import TOP, end_tidily, say
from comparison.contests import Pace
from comparison.peers import Peers
from comparison.plan import Plan

# By mode: the pace, how long all of it may take, and the idle connections and seconds.
MODES = {
    "smoke": (Pace(rounds=1, measured_ms=100, warmup_ms=50), 180, 50, 0.5),
    "quick": (Pace(rounds=3, measured_ms=300, warmup_ms=100), 400, 1_000, 2),
    "full": (Pace(rounds=7, measured_ms=1_000, warmup_ms=200), 1_500, 1_000, 10),
}


def measure(options):
    pace, limit_s, connections, idle_s = MODES[options.mode]
    signal.alarm(limit_s)
    with contextlib.ExitStack() as stack:
        peers = Peers(stack, options.zerogate)
        say("starting the servers")
        fresh = peers.gateway(peers.redis())
        idle_figures = idle.measure(fresh, connections, idle_s)
        plan = Plan(peers, os.cpu_count() if options.mode == "full" else None)
        for contest in plan.servers + plan.workers:
            contest.prime(options.zerogate)
        for number in range(pace.rounds):
            say(f"round {number + 1} of {pace.rounds}")
            for contest in plan.contests:
                contest.measure(options.zerogate, pace)
    signal.alarm(0)
    return plan, idle_figures


def sections(plan, all_goals):
    """Heading and table, the most important ones first."""
    yield "A service that moves from ZeroMQ to TCP", tables.move_table(plan.moves)
    yield "The same functions, load from `zerogate bench`", tables.server_table(plan.servers)
    yield "Goals", tables.goal_table(all_goals)
    yield "The bridge", tables.bridge_table(plan.bridges)
    yield "Load from the real Python clients", tables.server_table(plan.python)
    if plan.workers:
        yield "With a worker for each core", tables.server_table(plan.workers)
    yield "What the load generator costs", tables.generator_table(plan.servers)


def markdown(some_sections):
    lines = []
    for heading, table in some_sections:
        lines += [f"### {heading}", "", *table, ""]
    return lines


def as_json(plan, idle_figures, all_goals, about):
    contests = [{"load": vars(contest.load), "runs": contest.runs} for contest in plan.contests]
    goal_list = [
        {
            "path": goal.path,
            "goal": f"{goal.bound_text} {goal.measure}",
            "values": goal.values,
            "met": goal.met,
        }
        for goal in all_goals
    ]
    return {"about": about, "contests": contests, "idle": idle_figures, "goals": goal_list}


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/compare", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    for name, text in (("quick", "less than 3 minutes"), ("smoke", "does every path work?")):
        mode.add_argument(f"--{name}", dest="mode", action="store_const", const=name, help=text)
    parser.set_defaults(mode="full")
    parser.add_argument("--json", metavar="FILE", help="write every figure of every round")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw the most important ones")
    parser.add_argument(
        "--readme", action="store_true", help="put the tables into docs/performance.md, the plot into docs/images"
    )
    program = os.path.join(TOP, "build", "release", "zerogate")
    parser.add_argument("--zerogate", metavar="FILE", default=program, help="default: %(default)s")
    options = parser.parse_args()
    options.zerogate = os.path.abspath(options.zerogate)
    if options.readme:
        options.plot = options.plot or readme.plot_file(TOP)
    return options


def main():
    options = arguments()
    logging.getLogger().setLevel(logging.WARNING)  # Zero's clients tell of each connection
    about = facts.gather(options.zerogate)
    plan, idle_figures = measure(options)
    pace = MODES[options.mode][0]
    all_goals = goals.ratio_goals(plan) + goals.idle_goals(idle_figures)
    whole = [(heading, list(table)) for heading, table in sections(plan, all_goals)]
    sentence = facts.sentence(about, pace)
    print("\n".join([*markdown(whole), sentence]))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(as_json(plan, idle_figures, all_goals, about), file, indent=1)
    if options.plot:
        from comparison import plot  # its library is installed only for this

        plot.draw(plan, facts.short(about), options.plot)
    if options.readme:
        readme.update(TOP, markdown(whole), sentence)


def too_long(*_):
    sys.exit("compare: it takes too long; is the machine busy?")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, too_long)
    end_tidily(main)
