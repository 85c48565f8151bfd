"""The programs of tests: how each is run, and what its output says of a failure."""

import re

SHARDS = 4  # they wait more than they compute
TIMEOUT_S = 60  # for what waits for ever
SEEDS = 300  # of the simulation, and for what survives all else as many as `tests/run` has
ALL_SEEDS = 10_000
SLOW = {"PipeliningMix"}  # takes as much time as all others
SUITE = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),", re.MULTILINE)


class Gtest:
    """The tests of a program that match a filter, in shards at the same time."""

    timeout_s = TIMEOUT_S

    def __init__(self, name, chosen="*", shards=SHARDS):
        self.name, self.chosen, self.shards = name, chosen, shards

    def runs(self):
        """(arguments, environment) of each process."""
        total = {"GTEST_FAIL_FAST": "1", "GTEST_TOTAL_SHARDS": str(self.shards)}
        filtered = [f"--gtest_filter={self.chosen}"]
        return [(filtered, {**total, "GTEST_SHARD_INDEX": str(i)}) for i in range(self.shards)]

    def failure(self, output, how):
        """The first test that failed; where the program ended within one, that test and how."""
        if failed := re.search(r"^\[  FAILED  \] ([\w./]+)", output, re.MULTILINE):
            return failed[1]
        begun = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
        return f"{begun[-1] if begun else 'start'} {how}"

    def alone(self, failure):
        return [f"--gtest_filter={failure.split()[0]}"]


class Simulation:
    name = "simulation"

    def __init__(self, first, last, shards=1, timeout_s=TIMEOUT_S):
        self.first, self.each, self.shards = first, (last - first + 1) // shards, shards
        self.timeout_s = timeout_s

    def runs(self):
        begins = [self.first + i * self.each for i in range(self.shards)]
        return [(["--from", str(begin), "--seeds", str(self.each)], {}) for begin in begins]

    def failure(self, output, how):
        """The seed and the promise that was not kept."""
        found = re.search(r"(.*)\nthe seed is (\d+)", output)
        return f"{found[2]} {found[1]}" if found else f"0 {how}"

    def alone(self, failure):
        return ["--seed", failure.split()[0]]


ALL = [Gtest("unit_tests"), Simulation(1, SEEDS), Gtest("integration_tests")]
LAST = Simulation(SEEDS + 1, ALL_SEEDS, SHARDS, 3 * TIMEOUT_S)


def suites_in(folder):
    texts = [test.read_text() for test in folder.rglob("*.cc")]
    return {suite for text in texts for suite in SUITE.findall(text)}


def tests_of(suites):
    return ":".join(f"{suite}.*:{suite}/*:*/{suite}.*" for suite in sorted(suites))


def nearest_first(sources, file):
    """All; the unit tests of the file's own room first: they are few, and notice the most."""
    unit = sources / "tests/unit"
    near = suites_in(unit / file.parent.relative_to(sources)) - SLOW
    if not near:
        return [*ALL, LAST]
    far = suites_in(unit) - near
    nearest = [Gtest("unit_tests", tests_of(near), 1), Gtest("unit_tests", tests_of(far))]
    return [*nearest, *ALL[1:], LAST]
