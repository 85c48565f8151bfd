#!/usr/bin/env python3
"""Runs clang-tidy over core, handlers and gateway. usage: tests/tidy/clang_tidy.py [FILE...]

Needs the compile database of build/tidy, which tests/tidy/run makes. A file that passed is not read
again until something changes that can change the verdict: the file, a header of the project that it
includes, .clang-tidy, its compile command or clang-tidy. Headers of the system are taken as unchanged:
after an upgrade of theirs, remove build/tidy.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rules import SOURCE_FOLDERS, Tree

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build" / "tidy"


def reachable(tree: Tree, file: str) -> list[str]:
    """`file` and every header of the project that it includes, however far away."""
    found, left = {file}, [file]
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
        entries = json.loads((BUILD / "compile_commands.json").read_text())
        self.commands = {
            os.path.relpath(entry["file"], TOP): entry["command"]
            for entry in entries
            if os.path.relpath(entry["file"], TOP).split("/")[0] in SOURCE_FOLDERS
        }

    def key(self, file: str) -> str:
        digest = hashlib.sha256(self.common + self.commands[file].encode())
        for dependency in reachable(self.tree, file):
            digest.update(f"\0{dependency}\0".encode() + (TOP / dependency).read_bytes())
        for generated in sorted((BUILD / "generated").glob("*")):
            digest.update(generated.read_bytes())
        return digest.hexdigest()

    def check(self, file: str) -> bool:
        stamp = BUILD / "passed" / f"{file}.sha256"
        key = self.key(file)
        if stamp.exists() and stamp.read_text() == key:
            return True
        started = time.monotonic()
        run = subprocess.run(
            ["clang-tidy", "--quiet", "-p", str(BUILD), str(TOP / file)], capture_output=True, text=True, check=False
        )
        if run.returncode == 0:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(key)
        verdict = "clean" if run.returncode == 0 else "FINDINGS"
        print(f"{file}: {verdict} in {time.monotonic() - started:.1f} s", run.stdout if run.returncode else "", flush=True)
        if run.returncode and not run.stdout:
            print(run.stderr, flush=True)
        return run.returncode == 0


def main() -> int:
    tidy = ClangTidy()
    files = sys.argv[1:] or sorted(tidy.commands)
    # The largest first: none of them is left for the end, when one processor would wait for the other.
    files.sort(key=lambda file: -len(reachable(tidy.tree, file)))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(tidy.check, files))
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{sum(passed)} of {len(passed)} files are clean; {cpu.ru_utime + cpu.ru_stime:.0f} s of CPU time")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
