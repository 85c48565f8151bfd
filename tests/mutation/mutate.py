#!/usr/bin/env python3
"""Changes one line of core/ at a time and runs the tests: which one notices?

usage: tests/mutation/mutate.py SOURCES BUILD [--mutants N] [--seed N] [--only FOLDER] [--jobs N]

Neither SOURCES nor BUILD is changed. A mutant that does not build, or that compiles to the same
object, is none: another takes its place. Headers are left alone: each would build everything anew.
As many are judged at a time as there are processors: a mutant that hangs holds up no other.

BUILD/results-HASH has the verdicts so far for a state of core/. A run goes on with them: tests are
only added, so what was noticed is not tried again, and survivors are when the tests have changed.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import hashlib
import io
import json
import os
import pathlib
import queue
import random
import re
import sys

from judge import Judge
from universalmutator import mutator

RULES = ["universal.rules", "c_like.rules", "cpp.rules"]
KILLED = 0.9  # of all mutants, at the least
# Lines on which nothing hangs: comments, checks, what only opens or closes, room made in advance,
# which decides only how often memory is allocated, and locks, which only the build with TSan sees.
LEFT_OUT = re.compile(
    r"^\s*(//|#|assert\(|static_assert|using |namespace |\}|\{|[\w:]+\($|[\w.>-]+reserve\(|"
    r"(const )?std::(lock_guard|scoped_lock|unique_lock)|char \w+\[)"
)


def mutants_of(lines, number):
    """What the rules make of this line: [text], each once."""
    with contextlib.redirect_stdout(io.StringIO()):
        line = [lines[number]]
        found = mutator.mutants_regexp(line, RULES, ignorePatterns=[], ignoreStringOnly=True)
    return sorted({text for _, text, *_ in found} - {lines[number]})


def indent_of(line):
    return len(line) - len(line.lstrip())


def ends_loop(lines, number):
    """Behind this line a loop's body ends, so that a `continue` there changes nothing."""
    at, size = number + 1, len(lines)
    while at < size:
        indent, text = indent_of(lines[at]), lines[at].strip()
        if text.startswith("} else"):  # its branches are passed by
            at = next(i for i in range(at + 1, size) if indent_of(lines[i]) == indent)
            continue
        if text != "}":
            return False
        before = [line for line in lines[:at] if line.strip()]
        opening = [line for line in before if indent_of(line) == indent][-1].lstrip()
        if opening.startswith(("for ", "while ")):
            return True
        if not opening.startswith(("if ", "} else")):
            return False
        at += 1
    return False


def counts_as_before(line, text):
    """A counter that goes up to its limit ends there, whether it is below or just not equal."""
    return line.lstrip().startswith("for (") and text == line.replace(" < ", " != ", 1)


def choose(files, chance):
    """Mutants without end, each once: a line of all, then one of what the rules make of it."""
    tried = set()
    while True:
        file, lines, number = chance.choice(files)
        if LEFT_OUT.match(lines[number]) or not lines[number].strip():
            continue
        if texts := mutants_of(lines, number):
            text = chance.choice(texts)
            if text.endswith(" continue;\n") and ends_loop(lines, number):
                continue
            if counts_as_before(lines[number], text):
                continue
            if (file, number, text) not in tried:
                tried.add((file, number, text))
                yield file, lines, number, text


class Results:
    """The verdicts so far, a line of JSON each."""

    def __init__(self, build, sources):
        self.sources = sources
        self.path = build / f"results-{hash_of(sources / 'core')}"
        self.tests = hash_of(sources / "tests")
        self.known = {}
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        for key, verdict, tests in map(json.loads, lines):
            if verdict != "survives" or tests == self.tests:
                self.known[key] = verdict

    def add(self, key, verdict):
        if key in self.known:
            return
        with self.path.open("a") as file:
            file.write(json.dumps([key, verdict, self.tests]) + "\n")


def hash_of(folder):
    content = hashlib.sha256()
    for file in sorted(folder.rglob("*.cc")) + sorted(folder.rglob("*.h")):
        content.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return content.hexdigest()[:12]


def judged(mutants, judges, results):
    """Of each of them, in their order: what it is and its verdict."""
    idle = queue.SimpleQueue()
    for judge in judges:
        idle.put(judge)

    def verdict_of(key, mutant):
        if verdict := results.known.get(key):
            return verdict
        judge = idle.get()
        try:
            return judge.judge(*mutant)
        finally:
            idle.put(judge)

    under_way = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(len(judges)) as pool:
        for mutant in mutants:
            file, lines, number, text = mutant
            key = f"{file.relative_to(results.sources)}:{number + 1} {text}"
            under_way.append((key, lines[number], text, pool.submit(verdict_of, key, mutant)))
            if len(under_way) == len(judges):
                *what, verdict = under_way.popleft()
                yield *what, verdict.result()


def parse():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("sources", type=pathlib.Path)
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("--mutants", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", default="core")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    return arguments.parse_args()


def main():
    asked = parse()
    sources, build = asked.sources.resolve(), asked.build.resolve()
    judges = [Judge(sources, build, number) for number in range(asked.jobs)]
    if failure := judges[0].fails_unchanged():
        sys.exit(f"mutate.py: {failure} before anything is changed")
    results = Results(build, sources)
    files = []
    for file in sorted((sources / asked.only).rglob("*.cc")):
        lines = file.read_text().splitlines(keepends=True)
        files += [(file, lines, number) for number in range(len(lines))]
    verdicts = []
    mutants = choose(files, random.Random(asked.seed))
    for key, line, text, verdict in judged(mutants, judges, results):
        results.add(key, verdict)
        if verdict == "none":
            continue
        verdicts.append(verdict)
        print(f"{len(verdicts)} {key.split()[0]}: {verdict}", flush=True)
        if verdict == "survives":
            print(f"  - {line.strip()}\n  + {text.strip()}", flush=True)
        if len(verdicts) == asked.mutants:
            break
    by = [verdict.split()[0] for verdict in verdicts]
    noticed = 1 - by.count("survives") / len(by)
    counts = ", ".join(f"{who} {by.count(who)}" for who in sorted(set(by)))
    print(f"{counts} - {noticed:.1%} noticed")
    sys.exit(noticed < KILLED)


if __name__ == "__main__":
    main()
