"""The plot: requests per second of Zero, of Zerogate and of what the machine could do."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402

from comparison.goals import best_zero  # noqa: E402
from comparison.plan import (  # noqa: E402
    BARE_ROUTER,
    BARE_TCP,
    FORWARDER,
    MOVED_WORKERS,
    PIPELINED,
    PYTHON_BRIDGE,
    ZEROGATE,
    zero,
)

PYTHON, YARDSTICK = "Zero, or a bridge in Python", "bare yardstick, or zmq_proxy"
BAR = 0.22  # of the distance between groups
COLOURS = {
    PYTHON: "#9aa5b1",
    ZEROGATE: "#2563eb",
    PIPELINED: "#93b4f5",
    YARDSTICK: "#d9c8a3",
}
OTHER = {BARE_TCP, BARE_ROUTER, FORWARDER}


def bars(plan):
    """(label, {kind: (median, least, most)}) for each group."""
    for workers in MOVED_WORKERS:
        contest = plan.moves[workers, (8, 64)]
        kinds = {ZEROGATE: ZEROGATE, PYTHON: zero("async", workers)}
        yield f"ZMQ → Zero TCP\n{workers} × worker", group(contest, kinds)
    for contest in plan.servers + plan.bridges:
        load, names = contest.load, set(contest.servers)
        kinds = {ZEROGATE: ZEROGATE}
        if PYTHON_BRIDGE in names:
            kinds |= {PIPELINED: PIPELINED, PYTHON: PYTHON_BRIDGE}
            label = f"bridge\n{load.title}"
        elif contest in plan.servers:
            kinds[PYTHON] = best_zero(contest)
            function = load.function.partition("_")[0]
            label = f"{load.protocol.upper()} {function}\n{load.title}"
        else:
            continue  # from TCP to TCP: in the table
        for name in OTHER & names:
            kinds[YARDSTICK] = name
        yield label, group(contest, kinds)


def group(contest, kinds):
    return {
        kind: (contest.median(name, "rps"), *limits(contest.values(name, "rps")))
        for kind, name in kinds.items()
    }


def limits(values):
    return min(values), max(values)


def draw(plan, about, file):
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    matplotlib.rcParams["svg.hashsalt"] = "zerogate"  # the same figures make the same file
    groups = list(bars(plan))
    figure, axes = pyplot.subplots(figsize=(11, 4.6))
    for kind in COLOURS:
        at, height, errors = [], [], [[], []]
        for index, (_, kinds) in enumerate(groups):
            if kind not in kinds:
                continue
            present = [each for each in COLOURS if each in kinds]
            middle, low, high = kinds[kind]
            at.append(index + (present.index(kind) - (len(present) - 1) / 2) * BAR)
            height.append(middle)
            errors[0].append(middle - low)
            errors[1].append(high - middle)
        drawn = axes.bar(at, height, BAR, color=COLOURS[kind], label=kind, yerr=errors,
                         error_kw={"elinewidth": 0.8, "ecolor": "#444"})  # fmt: skip
        axes.bar_label(drawn, [thousands(value) for value in height], fontsize=6, padding=2)
    axes.set_yscale("log")
    axes.set_ylim(bottom=500, top=2 * max(axes.get_ylim()))
    axes.set_ylabel("requests per second (log)")
    axes.set_xticks(range(len(groups)), [label for label, _ in groups], fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"Load, server and Redis on {about}", fontsize=9, loc="left")
    axes.legend(frameon=False, fontsize=8, ncols=4, loc="upper left")
    figure.tight_layout()
    figure.savefig(file, format="svg", metadata={"Date": None})


def thousands(value):
    """Two digits: there is no room for more."""
    return f"{value / 1e6:.1f}M" if value >= 1e6 else f"{value / 1e3:.{1 if value < 1e4 else 0}f}k"
