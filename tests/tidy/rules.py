#!/usr/bin/env python3
"""The rules of docs/style.md that no other tool checks. usage: tests/tidy/rules.py [FOLDER]

Prints "file:line: what is wrong: what puts it right" for each finding, and exits 1 when there is one.
clang-format checks the layout of code, clang-tidy braces, names and the length of functions. Include
cycles are found here, for clang-tidy 14 (Debian 12) does not have misc-header-include-cycle yet.
"""

import re
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

# A room includes itself and rooms of the lines above its own, never one of the same line.
STOREYS = [
    ["core/base"],
    ["core/wire", "core/security"],
    ["core/io"],
    ["core/log", "core/client"],
    ["core/metrics", "core/trace", "core/load"],
    ["core/rpc", "core/redis"],
    ["core/bridge", "core/listener", "core/sdk", "core/policy"],
    ["handlers", "core/testing"],
    ["gateway/version", "gateway/http"],
    ["gateway/host", "gateway/admin", "gateway/keys"],
    ["gateway/config"],
    ["gateway/control"],
    ["gateway/runtime", "gateway/ask"],
    ["gateway/cli"],
    ["gateway/main"],
]
STOREY = {room: number for number, rooms in enumerate(STOREYS) for room in rooms}
SOURCE_FOLDERS = ["core", "handlers", "gateway"]

COLUMNS = 100
SOURCE_LINES = 400
TEST_LINES = 500
GATEWAY_ROOMS = {"admin", "ask", "cli", "config", "control", "host", "http", "keys", "runtime"}
GATEWAY_FILES = {"main.cc", "version.cc", "version.h"}
ROOM_FILES = 20

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
SUBJECTS = re.compile(r"\b(whoever|nobody|somebody|anybody|everybody)\b", re.IGNORECASE)
COMMENT = re.compile(r"(?:^|\s)//(.*)")
PATH_IN_TEXT = re.compile(r"(?<![\w./@-])(?:core|gateway|handlers|tests|deploy|grafana)/[\w./-]*\w")


class Finding(NamedTuple):
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class Tree:
    """The files of one copy of the project; paths are relative to its top folder."""

    def __init__(self, top: Path):
        self.top = top
        self._lines: dict[str, list[str]] = {}

    def files(self, folders: list[str], suffixes: tuple[str, ...]) -> list[str]:
        return sorted(
            path.relative_to(self.top).as_posix()
            for folder in folders
            for path in (self.top / folder).rglob("*")
            if path.suffix in suffixes and path.is_file() and "node_modules" not in path.parts
        )

    def sources(self) -> list[str]:
        return self.files(SOURCE_FOLDERS, (".h", ".cc"))

    def exists(self, file: str) -> bool:
        return (self.top / file).exists()

    def lines(self, file: str) -> list[str]:
        if file not in self._lines:
            self._lines[file] = (self.top / file).read_text(encoding="utf-8").splitlines()
        return self._lines[file]

    def includes(self, file: str) -> list[tuple[int, str]]:
        """The lines of `file` that include a file of the project, and that file."""
        matches = ((number, INCLUDE.match(line)) for number, line in enumerate(self.lines(file), 1))
        return [(number, match[1]) for number, match in matches if match and self.exists(match[1])]


def room(file: str) -> str:
    parts = file.split("/")
    if parts[0] == "handlers":
        return "handlers"
    return "/".join([*parts[:1], parts[1].split(".")[0]])


def check_rooms(tree: Tree) -> Iterator[Finding]:
    for file in tree.sources():
        own = room(file)
        if own not in STOREY:
            yield Finding(file, 1, f"{own} is no room: give it a storey in tests/tidy/rules.py and docs/style.md")
            continue
        for line, included in tree.includes(file):
            other = room(included)
            if other == own or STOREY.get(other, len(STOREYS)) < STOREY[own]:
                continue
            where = "beside" if STOREY.get(other) == STOREY[own] else "above"
            yield Finding(
                file,
                line,
                f"{own} includes {included}, and {other} stands {where} it: move what both need to a room "
                f"below, or let {own} own an interface that {other} implements",
            )


def check_cycles(tree: Tree) -> Iterator[Finding]:
    """Each circle of headers once, at the include that closes it."""
    done: set[str] = set()
    path: list[str] = []

    def walk(file: str) -> Iterator[Finding]:
        path.append(file)
        for line, included in tree.includes(file):
            if included in path:
                circle = [*path[path.index(included) :], included]
                yield Finding(
                    file,
                    line,
                    f"headers include each other in a circle, {' -> '.join(circle)}: declare the class "
                    "in one of them instead",
                )
            elif included not in done:
                yield from walk(included)
        path.pop()
        done.add(file)

    for file in tree.sources():
        if file.endswith(".h") and file not in done:
            yield from walk(file)


def check_lengths(tree: Tree) -> Iterator[Finding]:
    sources = [(file, SOURCE_LINES) for file in tree.sources()]
    tests = [(file, TEST_LINES) for file in tree.files(["tests"], (".h", ".cc", ".py"))]
    for file, limit in sources + tests:
        lines = len(tree.lines(file))
        if lines > limit:
            yield Finding(file, lines, f"{lines} lines, and {limit} are allowed: cut it where its ideas part")


def check_columns(tree: Tree) -> Iterator[Finding]:
    """In characters: clang-format counts the columns of code, and lets long comments and texts pass."""
    for file in tree.sources() + tree.files(["tests"], (".h", ".cc")):
        for number, line in enumerate(tree.lines(file), 1):
            if len(line) > COLUMNS:
                yield Finding(file, number, f"{len(line)} columns, and {COLUMNS} are allowed: break the line")


def check_unfinished(tree: Tree) -> Iterator[Finding]:
    suffixes = (".h", ".cc", ".py", ".js", ".css", ".cmake", ".txt", ".yaml", ".yml", ".md", "")
    for file in tree.files([*SOURCE_FOLDERS, "tests", "deploy", "grafana", "docs"], suffixes):
        try:
            lines = tree.lines(file)
        except UnicodeDecodeError:  # recorded bytes
            continue
        for number, line in enumerate(lines, 1):
            match = UNFINISHED.search(line)
            if match and "/corpus/" not in file:
                yield Finding(file, number, f"{match[1]}: do it, or say as a plain sentence what does not work")


def check_gateway(tree: Tree) -> Iterator[Finding]:
    for entry in sorted((tree.top / "gateway").iterdir()):
        file = f"gateway/{entry.name}"
        if entry.is_file() and entry.name not in GATEWAY_FILES:
            yield Finding(file, 1, f"gateway/ itself holds {', '.join(sorted(GATEWAY_FILES))}: put it in a room")
        if not entry.is_dir():
            continue
        if entry.name not in GATEWAY_ROOMS:
            yield Finding(file, 1, f"gateway/ has the rooms {', '.join(sorted(GATEWAY_ROOMS))} and no other")
        count = sum(1 for below in entry.rglob("*") if below.is_file() and below.parts[-2] != "status")
        if count > ROOM_FILES:
            yield Finding(file, 1, f"{count} files, and {ROOM_FILES} are allowed: part the room or move some down")


def check_mirror(tree: Tree) -> Iterator[Finding]:
    for file in tree.files(["tests/unit"], (".h", ".cc")):
        folder = Path(file).parent.relative_to("tests/unit").as_posix()
        if folder != "." and not tree.exists(folder):
            yield Finding(file, 1, f"tests/unit mirrors the sources, and there is no {folder}: move the test along")


def check_comments(tree: Tree) -> Iterator[Finding]:
    for file in tree.files(SOURCE_FOLDERS, (".h",)):
        for number, line in enumerate(tree.lines(file), 1):
            comment = COMMENT.search(line)
            match = comment and SUBJECTS.search(comment[1])
            if match:
                yield Finding(file, number, f'"{match[1]}" says no subject: name the class, thread or peer that acts')


def check_documents(tree: Tree) -> Iterator[Finding]:
    for file in [*tree.files(["docs"], (".md",)), "README.md"]:
        for number, line in enumerate(tree.lines(file) if tree.exists(file) else [], 1):
            for path in PATH_IN_TEXT.findall(line):
                if not any(tree.exists(path + suffix) for suffix in ("", ".h", ".cc")):
                    yield Finding(file, number, f"there is no {path}: name the file as it is called today")


CHECKS = [
    check_rooms,
    check_cycles,
    check_lengths,
    check_columns,
    check_unfinished,
    check_gateway,
    check_mirror,
    check_comments,
    check_documents,
]


def findings(top: Path) -> list[Finding]:
    tree = Tree(top)
    return [finding for check in CHECKS for finding in check(tree)]


def main() -> int:
    found = findings(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2])
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
