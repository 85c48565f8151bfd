#!/usr/bin/env python3
"""Sums gcovr's counts by room and compares them with the floors.

usage: tests/coverage/judge.py SUMMARY FLOORS [--write]

Exit status: 0 when every room reaches its floor, 1 when one does not.
"""

import collections
import json
import sys

CORE_LINES = 95  # percent that no room of core/ may be below, whatever its floor says
SLACK = 0.5  # percent at least from a floor to what was found: some lines run only at times


def room_of(path):
    """core/bridge/x.cc is of core/bridge, gateway/admin/status/x.cc of gateway/admin."""
    return "/".join(path.split("/")[:-1][:2])


def rooms(summary):
    """{room: [lines, lines that ran, branches, branches taken]}"""
    totals = collections.defaultdict(lambda: [0, 0, 0, 0])
    for file in summary["files"]:
        keys = ("line_total", "line_covered", "branch_total", "branch_covered")
        for i, key in enumerate(keys):
            totals[room_of(file["filename"])][i] += file[key]
    return totals


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def read_floors(path):
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {room: (int(lines), int(branches)) for room, lines, branches in rows}


def write_floors(path, found):
    down = lambda percents: int(percents - SLACK)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# room, percent of lines, percent of branches: tests/coverage/run --write\n")
        for room, (lines, branches) in sorted(found.items()):
            file.write(f"{room} {down(lines)} {down(branches)}\n")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        totals = rooms(json.load(file))
    found = {
        room: (percent(ran, lines), percent(taken, branches))
        for room, (lines, ran, branches, taken) in totals.items()
    }
    if sys.argv[3:] == ["--write"]:
        write_floors(sys.argv[2], found)
    floors = read_floors(sys.argv[2])
    failed = False
    print(f"{'room':<20} {'lines':>7} {'floor':>5}  {'branches':>8} {'floor':>5}")
    for room, (lines, branches) in sorted(found.items()):
        floor_lines, floor_branches = floors.get(room, (CORE_LINES, 0))
        if room.startswith("core/"):
            floor_lines = max(floor_lines, CORE_LINES)
        below = lines < floor_lines or branches < floor_branches
        failed |= below
        mark = "  below its floor" if below else ""
        print(
            f"{room:<20} {lines:>6.1f}% {floor_lines:>4}%  {branches:>7.1f}% {floor_branches:>4}%{mark}"
        )
    for room in floors.keys() - found.keys():
        print(f"{room}: in the floors, but not in the sources")
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
