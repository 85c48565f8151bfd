#!/usr/bin/env python3
"""Runs clang-tidy over core, handlers and gateway. usage: tests/tidy/clang_tidy.py [FILE...]

Nearly all of clang-tidy's time goes into the headers of libraries, so all files of a folder are read together,
as one source: that takes a fifth of the time of one by one. They can stand together, for names of helpers are
unique in it; where two are the same, the compiler's error says so here.

Needs the compile database of build/tidy, which tests/tidy/run makes. What passed is not read again until
something changes that can change the verdict: the files, a header of the project that they include,
.clang-tidy, the compile command or clang-tidy. Headers of the system are taken as unchanged: after an
upgrade of theirs, remove build/tidy.
"""

import hashlib
import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rules import SOURCE_FOLDERS, Tree

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build" / "tidy"
# It is about including a .cc, which is what a joined source does.
NOT_JOINED = "-bugprone-suspicious-include"
# Takes as much time as all other checks together on what CLI11 makes of lambdas, and no call comes by there.
NOT_IN = {"gateway": "-performance-unnecessary-value-param"}


def compile_commands() -> dict[str, list[str]]:
    """The flags of each file of the project, without its own names."""
    commands = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        file = os.path.relpath(entry["file"], TOP)
        if file.split("/")[0] in SOURCE_FOLDERS:
            words = shlex.split(entry["command"])
            commands[file] = words[1 : words.index("-o")]
    return commands


def reachable(tree: Tree, files: list[str]) -> list[str]:
    """`files` and every header of the project that they include, however far away."""
    found, left = set(files), list(files)
    while left:
        new = {included for _, included in tree.includes(left.pop())} - found
        found |= new
        left += new
    return sorted(found)


class ClangTidy:
    def __init__(self) -> None:
        self.tree = Tree(TOP)
        version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
        self.common = version + (TOP / ".clang-tidy").read_bytes()
        self.commands = compile_commands()

    def groups(self) -> list[list[str]]:
        """The files of core, of handlers and of gateway, without those that have flags of their own."""
        groups = defaultdict(list)
        for file in sorted(self.commands):
            groups[file.split("/")[0], *self.commands[file]].append(file)
        return sorted(groups.values(), key=len, reverse=True)

    def key(self, files: list[str]) -> str:
        digest = hashlib.sha256(self.common + " ".join(self.commands[files[0]]).encode())
        for dependency in reachable(self.tree, files):
            digest.update(f"\0{dependency}\0".encode() + (TOP / dependency).read_bytes())
        for generated in sorted((BUILD / "generated").glob("*")):
            digest.update(generated.read_bytes())
        return digest.hexdigest()

    def read(self, files: list[str]) -> bool:
        """One run of clang-tidy over all of `files`. What it found is printed."""
        started = time.monotonic()
        checks = [NOT_IN.get(files[0].split("/")[0], "")]
        source = TOP / files[0]
        if len(files) > 1:
            checks.append(NOT_JOINED)
            source = BUILD / "joined" / f"{self.name(files)}.cc"
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text("".join(f'#include "{file}"\n' for file in files))
        command = ["clang-tidy", "--quiet", f"--checks={','.join(filter(None, checks))}", str(source), "--"]
        run = subprocess.run([*command, *self.commands[files[0]]], capture_output=True, text=True, check=False)
        verdict = "FINDINGS" if run.returncode else "clean"
        print(f"{' '.join(files)}: {verdict} in {time.monotonic() - started:.1f} s", flush=True)
        if run.returncode:
            print(run.stdout or run.stderr, flush=True)
        return run.returncode == 0

    def name(self, files: list[str]) -> str:
        return hashlib.sha256(" ".join(files).encode()).hexdigest()[:16]

    def check(self, files: list[str]) -> bool:
        """Whether nothing is found in them."""
        key = self.key(files)
        stamp = BUILD / "passed" / self.name(files)
        if stamp.exists() and stamp.read_text() == key:
            return True
        if not self.read(files):
            return False
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key)
        return True


def main() -> int:
    tidy = ClangTidy()
    groups = [[file] for file in sys.argv[1:]] or tidy.groups()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = sum(pool.map(tidy.check, groups))
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    of = f"{clean} of {len(groups)} groups of files are clean"
    print(f"{of}; {cpu.ru_utime + cpu.ru_stime:.0f} s of CPU time")
    return 0 if clean == len(groups) else 1


if __name__ == "__main__":
    sys.exit(main())
