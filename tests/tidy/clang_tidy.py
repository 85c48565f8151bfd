#!/usr/bin/env python3
"""Runs clang-tidy over core, handlers and gateway. usage: tests/tidy/clang_tidy.py [FILE...]

Most of clang-tidy's time goes into the headers of libraries, so the files of a folder are read together, as
one source: that takes a third of the time. Where they cannot stand together (two have a helper of one name),
or something was found, each half is tried alone, down to the single file.

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
        """The files of each folder that have the same flags. The longest to read come first: none is left
        for the end, when one processor would wait for the other."""
        groups = defaultdict(list)
        for file in sorted(self.commands):
            groups[os.path.dirname(file), *self.commands[file]].append(file)
        return sorted(groups.values(), key=lambda files: -len(reachable(self.tree, files)))

    def key(self, files: list[str]) -> str:
        digest = hashlib.sha256(self.common + " ".join(self.commands[files[0]]).encode())
        for dependency in reachable(self.tree, files):
            digest.update(f"\0{dependency}\0".encode() + (TOP / dependency).read_bytes())
        for generated in sorted((BUILD / "generated").glob("*")):
            digest.update(generated.read_bytes())
        return digest.hexdigest()

    def read(self, files: list[str], source: Path, checks: str) -> bool:
        """One run of clang-tidy. What it found is printed when it is about a single file."""
        started = time.monotonic()
        command = ["clang-tidy", "--quiet", f"--checks={checks}", str(source), "--", *self.commands[files[0]]]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        passed = run.returncode == 0
        verdict = "clean" if passed else "FINDINGS" if len(files) == 1 else "to be read apart"
        print(f"{' '.join(files)}: {verdict} in {time.monotonic() - started:.1f} s", flush=True)
        if not passed and len(files) == 1:
            print(run.stdout or run.stderr, flush=True)
        return passed

    def check(self, files: list[str]) -> list[str]:
        """The files in which something was found."""
        key = self.key(files)
        name = hashlib.sha256(" ".join(files).encode()).hexdigest()[:16]
        stamp = BUILD / "passed" / name
        if stamp.exists() and stamp.read_text() == key:
            return []
        if len(files) == 1:
            passed = self.read(files, TOP / files[0], "")
        else:
            joined = BUILD / "joined" / f"{name}.cc"
            joined.parent.mkdir(parents=True, exist_ok=True)
            joined.write_text("".join(f'#include "{file}"\n' for file in files))
            passed = self.read(files, joined, NOT_JOINED)
        if passed:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(key)
            return []
        half = len(files) // 2
        return files if half == 0 else self.check(files[:half]) + self.check(files[half:])


def main() -> int:
    tidy = ClangTidy()
    groups = [[file] for file in sys.argv[1:]] or tidy.groups()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [file for files in pool.map(tidy.check, groups) for file in files]
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    files = sum(map(len, groups))
    print(f"{files - len(found)} of {files} files are clean; {cpu.ru_utime + cpu.ru_stime:.0f} s of CPU time")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
