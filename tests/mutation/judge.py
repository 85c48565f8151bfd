"""Builds a mutant beside the build of the whole, and finds the test that notices it."""

import json
import os
import shlex
import subprocess
import tempfile

import programs

CPU_S = 60  # for what loops for ever: a busy machine does not make it less
PATIENCE = 2  # a second time gets as much more: the first one may have been slow
ATTEMPTS = 3
TEST_BYTES = 4 << 30
BUILD_TIMEOUT_S = 300
CORE = "libzerogate_core.a"
IN_CORE = "zerogate_core.dir/core/"


class Judge:
    """Compiles one source and links each program with it; the build stays as it is."""

    def __init__(self, sources, build, number):
        self.sources, self.build = sources, build
        self.work = build / f"mutant-{number}"  # its own: others work beside it
        self.work.mkdir(exist_ok=True)
        commands = json.loads((build / "compile_commands.json").read_text())
        inside = [c for c in commands if IN_CORE in c["command"]]
        # Of each source of core/, what compiles it; the last word is its object.
        self.compilers = {c["file"]: shlex.split(c["command"].split(" -c ")[0]) for c in inside}
        self.linkers = {program.name: self.linker(program.name) for program in programs.ALL}
        self.originals = {}

    def linker(self, name):
        listing = ["ninja", "-C", self.build, "-t", "commands", name]
        listed = subprocess.run(listing, stdout=subprocess.PIPE, text=True, check=True).stdout
        here = {name: str(self.work / name), CORE: str(self.work / CORE)}
        words = shlex.split(listed.splitlines()[-1])
        return [here.get(word, word) for word in words if word not in (":", "&&")]

    def fails_unchanged(self):
        """The test that fails before anything is changed, or None."""
        failures = [(p.name, self.notices(p, self.build)) for p in programs.ALL]
        return next((f"{name} {failure}" for name, failure in failures if failure), None)

    def judge(self, file, lines, number, text):
        """Which test notices, "survives", or "none" when it is no mutant."""
        source = [*lines[:number], text, f"#line {number + 2}\n", *lines[number + 1 :]]
        mutant = self.compile(file, source, "-O1")
        if mutant is None or mutant == self.original(file, lines, "-O1"):
            return "none"
        linked = None
        for program in programs.nearest_first(self.sources, file):
            if program.name != linked and not self.link(program.name, file, mutant):
                return "none"
            linked = program.name
            if failure := self.notices(program, self.work):
                return f"{program.name} {failure}"
        # What an optimising compiler finds to be the same program, no test can tell from it.
        optimised = self.compile(file, source, "-O2")
        same = optimised is not None and optimised == self.original(file, lines, "-O2")
        return "none" if same else "survives"

    def compile(self, file, lines, level):
        """The object, None when it does not compile. Numbers of lines are those of the original."""
        source, compiled = self.work / "mutant.cc", self.work / "mutant.o"
        source.write_text("".join([f'#line 1 "{file}"\n', *lines]))
        options = [level, "-w", "-fmax-errors=1", "-c", source]
        words = self.compilers[str(file)][:-1]
        if level != "-O1":  # GCC crashes with a precompiled header of another level
            header = words.index("-include")
            words = words[:header] + words[header + 2 :]
        done = quietly([*words, compiled, *options], self.build)
        return compiled.read_bytes() if done else None

    def original(self, file, lines, level):
        if (file, level) not in self.originals:
            self.originals[file, level] = self.compile(file, lines, level)
        return self.originals[file, level]

    def link(self, name, file, mutant):
        """An archive that takes the mutant in the original's place serves any order of linking."""
        compiled, archive = self.work / "mutant.o", self.work / CORE
        compiled.write_bytes(mutant)
        archive.unlink(missing_ok=True)
        others = [words[-1] for path, words in self.compilers.items() if path != str(file)]
        objects = [*(self.build / other for other in others), compiled]
        archived = quietly(["ar", "rcsT", archive, *objects], self.build)
        return archived and quietly(self.linkers[name], self.build)

    def notices(self, program, folder):
        """A test that fails, and fails again in the same way: alone, or else with the others."""
        path = folder / program.name
        started = [(run, self.start(path, *run, program.timeout_s)) for run in program.runs()]
        patient_s = PATIENCE * program.timeout_s
        ended = [(run, outcome(program, process)) for run, process in started]
        for run, failure in ended:
            for _ in range(ATTEMPTS):
                if failure is None:
                    break
                alone = self.start(path, program.alone(failure), {}, patient_s)
                if outcome(program, alone) == failure:
                    return failure
                again = outcome(program, self.start(path, *run, patient_s))
                if again == failure and not failure.endswith(" hung"):
                    return failure
                print(f"not again: {program.name} {failure}", flush=True)
                failure = again
        return None

    def start(self, path, arguments, environment, timeout_s):
        """A mutant may run for ever, or take all memory: it is ended."""
        limits = ["prlimit", f"--as={TEST_BYTES}", f"--cpu={CPU_S}"]
        bounded = [*limits, "timeout", "--signal=KILL", str(timeout_s)]
        output = tempfile.TemporaryFile("w+", errors="replace")
        process = subprocess.Popen(
            [*bounded, path, *arguments],
            cwd=self.sources,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        return process, output


def outcome(program, started):
    """How it failed, None when it passed."""
    process, output = started
    with output:
        if process.wait() == 0:
            return None
        output.seek(0)
        hung = process.returncode in (-9, 137)
        return program.failure(output.read(), "hung" if hung else "crashed")


def quietly(command, folder):
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    done = subprocess.run(command, cwd=folder, timeout=BUILD_TIMEOUT_S, check=False, **silent)
    return done.returncode == 0
