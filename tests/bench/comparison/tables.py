"""The tables, in Markdown. Every figure is the median of the rounds, with the least and the most."""

import statistics

from comparison.plan import BARE_ROUTER, BARE_TCP, FORWARDER, ONE_AT_A_TIME, PIPELINED, ZEROGATE

FUNCTIONS = ("hello_world", "save_order")


def number(value):
    """Three digits that matter, and no more."""
    if value == 0:
        return "0"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{digits}f}"


def spread(values, form=number):
    low, middle, high = map(form, (min(values), statistics.median(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}–{high})"


def whole(value):
    return f"{value:,.0f}"


def ratio(values):
    return f"{spread(values)} ×"


def table(columns, rows):
    """`columns` that begin with `>` are aligned to the right."""
    yield "| " + " | ".join(column.lstrip(">") for column in columns) + " |"
    yield "|" + "|".join("---:" if column.startswith(">") else "---" for column in columns) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def server_table(contests):
    """Zero's own table, longer: protocol × function, for each server that met the load."""
    loads = {}
    for contest in contests:
        key = (contest.load.client, contest.load.protocol, contest.load.title)
        loads.setdefault(key, {})[contest.load.function] = contest
    rows = []
    for (client, protocol, title), by_function in loads.items():
        first = next(iter(by_function.values()))
        for name in first.servers:
            row = [protocol_text(client, protocol), title, name]
            for function in FUNCTIONS:
                contest = by_function.get(function)
                met = contest and name in contest.runs
                row += server_cells(contest, name) if met else [""] * 4
            rows.append(row)
    columns = ["protocol", "load", "server"]
    for function in FUNCTIONS:
        columns += [f">{function} req/s", ">p99 ms", ">CPU µs/call", ">Zerogate ÷ it"]
    return table(columns, rows)


def protocol_text(client, protocol):
    names = {
        "tcp": "TCP, AsyncTCPClient",
        "zmq_async": "ZMQ, AsyncZeroClient",
        "zmq_sync": "ZMQ, ZeroClient",
    }
    return names.get(client, protocol.upper())


def ours(contest):
    """The Zerogate of a contest: the last of that name, for one may have threads in its name."""
    return [name for name in contest.servers if name.startswith(ZEROGATE)][-1]


def server_cells(contest, name):
    mine = ours(contest)
    against = "" if name == mine else ratio(contest.ratios(mine, name))
    return [
        spread(contest.values(name, "rps"), whole),
        spread(contest.values(name, "p99_ms")),
        spread(contest.values(name, "server_cpu_us")),
        against,
    ]


def bridge_table(contests):
    columns = ["from", "load", "path", ">req/s", ">p50 ms", ">p99 ms", ">its CPU µs/call"]
    rows = []
    for contest in contests:
        for name in contest.servers:
            rows.append(
                [
                    contest.load.protocol.upper(),
                    contest.load.title,
                    path_text(name),
                    spread(contest.values(name, "rps"), whole),
                    spread(contest.values(name, "p50_ms")),
                    spread(contest.values(name, "p99_ms")),
                    spread(contest.values(name, "server_cpu_us")),
                    *bridge_ratios(contest, name),
                ]
            )
    return table([*columns, ">Zerogate ÷ it", ">pipelining ÷ it"], rows)


def bridge_ratios(contest, name):
    if name in (ZEROGATE, PIPELINED):
        return ["", ""]
    return [ratio(contest.ratios(mine, name)) for mine in (ZEROGATE, PIPELINED)]


def move_table(moves):
    """The service over ZeroMQ, and over TCP behind the bridge, for the same ZeroMQ clients."""
    columns = ["Zero's workers", "load", "path", ">req/s", ">p50 ms", ">p99 ms", ">its CPU µs/call"]
    rows = []
    for (workers, _), contest in moves.items():
        for name in contest.servers:
            mine = name in (ZEROGATE, ONE_AT_A_TIME)
            rows.append(
                [
                    str(workers),
                    contest.load.title,
                    f"{name} → Zero's TCP server" if mine else "Zero's ZeroMQ server",
                    spread(contest.values(name, "rps"), whole),
                    spread(contest.values(name, "p50_ms")),
                    spread(contest.values(name, "p99_ms")),
                    spread(contest.values(name, "server_cpu_us")),
                    "" if name == ZEROGATE else ratio(contest.ratios(ZEROGATE, name)),
                ]
            )
    return table([*columns, ">Zerogate ÷ it"], rows)


def path_text(name):
    return f"{name} → {BARE_ROUTER if name == FORWARDER else BARE_TCP}"


def generator_table(contests):
    """How much of the processor the load generator takes beside the servers."""
    columns = ["protocol", "load", "server", ">its CPU µs/call", ">the generator's"]
    rows = []
    for contest in contests:
        if contest.load.function != "hello_world":
            continue
        for name in list(contest.servers)[-2:]:  # Zerogate, and the bare server
            cells = [spread(contest.values(name, key)) for key in ("server_cpu_us", "client_cpu_us")]
            rows.append([contest.load.protocol.upper(), contest.load.title, name, *cells])
    return table(columns, rows)


def goal_table(goals):
    rows = [
        [
            goal.path,
            f"{goal.bound_text} {goal.measure}".replace("  ", " "),
            spread(goal.values),
            "met" if goal.met else "**missed**",
        ]
        for goal in goals
    ]
    return table(["path", "goal", ">measured", ""], rows)
