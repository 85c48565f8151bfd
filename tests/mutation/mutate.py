#!/usr/bin/env python3
"""Changes one line of core/ at a time and runs the tests: who notices?

usage: tests/mutation/mutate.py SOURCES BUILD [--mutants N] [--seed N] [--only FOLDER]

A mutant that does not compile, or that compiles to the same object, is none: another takes its
place. Headers are left alone: each would build everything anew.
"""

import argparse
import contextlib
import io
import os
import pathlib
import random
import re
import subprocess
import sys

from universalmutator import mutator

RULES = ["universal.rules", "c_like.rules", "cpp.rules"]
KILLED = 0.9  # of all mutants, at the least
SHARDS = 4  # of the unit tests: they wait more than they compute
TEST_TIMEOUT_S = 60
TEST_BYTES = 4 << 30
BUILD_TIMEOUT_S = 300
CHANGED = "changed"  # names the file that is changed now: a run may be killed
SEEDS = 300  # of the simulation
# Lines on which nothing hangs: comments, checks, and what only opens or closes.
LEFT_OUT = re.compile(r"^\s*(//|#|assert\(|static_assert|using |namespace |\}|\{|[\w:]+\($)")


class Program:
    """A test program: built when it is needed, run in shards at the same time."""

    def __init__(self, name, commands):
        self.name, self.commands = name, commands

    def notices(self, build, sources):
        if make(build, self.name).returncode != 0:
            return True  # a check of the compiler in a test
        running = [start(command, build, sources, environment) for command, environment in self.commands]
        return any([process.wait() != 0 for process in running])


def sharded(name, shards):
    gtest = {"GTEST_FAIL_FAST": "1", "GTEST_TOTAL_SHARDS": str(shards)}
    return Program(name, [([name], {**gtest, "GTEST_SHARD_INDEX": str(i)}) for i in range(shards)])


PROGRAMS = [
    sharded("unit_tests", SHARDS),
    Program("simulation", [(["simulation", "--from", "1", "--seeds", str(SEEDS)], {})]),
    sharded("integration_tests", SHARDS),
]


def make(build, target):
    command = ["ninja", "-C", build, target]
    return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=BUILD_TIMEOUT_S, check=False)


def start(command, build, sources, environment):
    """A mutant may run for ever, or take all memory: it ends, and counts as noticed."""
    bounded = ["prlimit", f"--as={TEST_BYTES}", "timeout", "--signal=KILL", str(TEST_TIMEOUT_S)]
    return subprocess.Popen(
        [*bounded, build.resolve() / command[0], *command[1:]],
        cwd=sources,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def mutants_of(lines, number):
    """What the rules make of this line: [text], each once."""
    with contextlib.redirect_stdout(io.StringIO()):
        found = mutator.mutants_regexp([lines[number]], RULES, ignorePatterns=[], ignoreStringOnly=True)
    return sorted({text for _, text, *_ in found} - {lines[number]})


def choose(files, chance):
    """A line of all lines, then one of what the rules make of it: (file, its lines, number, text)."""
    while True:
        file, lines, number = chance.choice(files)
        if LEFT_OUT.match(lines[number]) or not lines[number].strip():
            continue
        if texts := mutants_of(lines, number):
            return file, lines, number, chance.choice(texts)


def object_of(build, sources, file):
    name = str(file.relative_to(sources)) + ".o"
    [found] = [path for path in build.rglob("*.cc.o") if str(path).endswith("zerogate_core.dir/" + name)]
    return found


def judge(build, sources, file, lines, number, text):
    """Who notices: a program's name, "nobody", or None when it is no mutant."""
    compiled = object_of(build, sources, file)
    before = compiled.read_bytes()
    (build / CHANGED).write_text(str(file))
    file.write_text("".join([*lines[:number], text, *lines[number + 1 :]]))
    try:
        target = str(compiled.relative_to(build))
        if make(build, target).returncode != 0 or compiled.read_bytes() == before:
            return None
        return next((p.name for p in PROGRAMS if p.notices(build, sources)), "nobody")
    finally:
        file.write_text("".join(lines))
        make(build, target)
        (build / CHANGED).unlink()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("sources", type=pathlib.Path)
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("--mutants", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", default="core")
    asked = arguments.parse_args()
    with contextlib.suppress(FileNotFoundError):
        pathlib.Path((asked.build / CHANGED).read_text()).touch()
    for program in PROGRAMS:
        if program.notices(asked.build, asked.sources):
            sys.exit(f"mutate.py: {program.name} fails before anything is changed")
    files = []
    for file in sorted((asked.sources / asked.only).rglob("*.cc")):
        lines = file.read_text().splitlines(keepends=True)
        files += [(file, lines, number) for number in range(len(lines))]
    chance = random.Random(asked.seed)
    counts, survivors, tried = dict.fromkeys([*(p.name for p in PROGRAMS), "nobody"], 0), [], set()
    while sum(counts.values()) < asked.mutants:
        file, lines, number, text = choose(files, chance)
        if (file, number, text) in tried:
            continue
        tried.add((file, number, text))
        who = judge(asked.build, asked.sources, file, lines, number, text)
        if who is None:
            continue
        counts[who] += 1
        place = f"{file.relative_to(asked.sources)}:{number + 1}"
        print(f"{sum(counts.values())} {place}: {who}", flush=True)
        if who == "nobody":
            survivors.append(f"{place}\n  - {lines[number].strip()}\n  + {text.strip()}")
            print(survivors[-1], flush=True)
    killed = 1 - counts["nobody"] / asked.mutants
    print("\n".join(survivors))
    print(", ".join(f"{who} {count}" for who, count in counts.items()), f"- {killed:.0%} noticed")
    sys.exit(killed < KILLED)


if __name__ == "__main__":
    main()
