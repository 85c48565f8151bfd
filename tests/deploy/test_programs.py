"""On a fresh Debian 12 every program that our scripts and tests call is there: it belongs to a package of
deploy/packages.txt, to what these need, or to what every Debian has."""

import ast
import functools
import glob
import os
import re
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Called only where it is there, and why that is right.
OPTIONAL = {
    "docker": "an engine that is used when there is one; else podman is",
    "git": "tells the revision of a checkout; a copy of the sources has none",
    "npm": "types of Grafana's panels, for the check that is run by hand",
    "npx": "likewise",
    "node": "likewise",
    "sudo": "not as root",
}
# Words after which a command begins, and programs that run the command behind their options.
BEGINNERS = set("; & | && || ( { ! then do else if elif while until time".split()) | {"\n"}
WRAPPERS = set("exec sudo env command nohup nice timeout xargs".split())
WORD = re.compile(r"\n|;;|&&|\|\||[;&|()]|[^\s;&|()]+")
ASKERS = {"which", "create_subprocess_exec"}


def sources():
    listed = subprocess.run(
        ["find", "deploy", "tests", ".ci", "-type", "f", "-not", "-path", "*/node_modules/*"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    for path in sorted(listed.stdout.split()):
        with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as file:
            yield path, file.read()


def without_here_documents(text):
    pattern = r"(<<-?\s*(['\"]?)(\w+)\2.*?\n).*?^\t*\3$"
    return re.sub(pattern, r"\1", text, flags=re.M | re.S)


def code_of(script):
    """What a shell script runs: the texts of its commands, without comments and strings; of what stands
    in $(…), also in a string, a text of its own."""
    texts, stack = [[]], [("code", 0)]
    opened = [0]
    i, text = 0, without_here_documents(script)
    while i < len(text):
        where, char = stack[-1][0], text[i]
        if where == "single":
            if char == "'":
                stack.pop()
        elif char == "\\":
            i += 1
        elif text.startswith("$((", i):
            i = text.index("))", i) + 1
        elif text.startswith("$(", i) or text.startswith("<(", i):
            texts.append([])
            opened.append(len(texts) - 1)
            stack.append(("code", 0))
            i += 1
        elif char == '"':
            if where == "double":
                stack.pop()
            else:
                stack.append(("double", 0))
        elif where == "double":
            pass
        elif char == "'":
            stack.append(("single", 0))
        elif char == "#" and (i == 0 or text[i - 1] in " \t\n;("):
            i = text.find("\n", i) - 1 if "\n" in text[i:] else len(text)
        elif char == ")" and stack[-1][1] == 0 and len(stack) > 1:
            stack.pop()
            opened.pop()
            texts[opened[-1]].append(" substituted ")
        else:
            depth = stack[-1][1] + (char == "(") - (char == ")" and stack[-1][1] > 0)
            stack[-1] = (where, depth)
            texts[opened[-1]].append(char)
        i += 1
    return ["".join(one) for one in texts]


def commands_of(code):
    """The words of a text without strings that stand where a command begins; functions' names, too."""
    begins, case, patterns, wrapped, before = True, False, False, "", ""
    words = iter(WORD.findall(code))
    for word in words:
        if patterns and word != "esac":
            patterns = word != ")"
            begins = not patterns
        elif word == "(" and before.endswith("="):  # an array's items
            while word != ")":
                word = next(words, ")")
        elif word == ";;" or (word == "in" and case):
            patterns, case = True, False
        elif word in BEGINNERS:
            begins, wrapped = True, ""
        elif begins and word == "case":
            begins, case = False, True
        elif begins and not re.match(r"\w+\+?=", word) and not (wrapped and word.startswith("-")):
            if wrapped in ("timeout", "nice") and word[0].isdigit():
                continue
            if re.fullmatch(r"[a-z][\w+.-]*", word):
                yield word
            wrapped = word if word in WRAPPERS else ""
            begins = bool(wrapped)
        before = word


def called_by_shell(script):
    return {name for text in code_of(script) for name in commands_of(text)}


def called_by_python(text):
    """First words of lists, and what shutil.which() and the like are asked for."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        first = None
        if isinstance(node, ast.List) and node.elts:
            first = node.elts[0]
        elif isinstance(node, ast.Call) and node.args:
            first = node.args[0] if getattr(node.func, "attr", "") in ASKERS else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            found.add(first.value)
    return found


def calls():
    """(file, program) of all that is called by name and found on this machine."""
    for path, text in sources():
        names = set()
        if re.match(r"#!.*\b(?:ba)?sh\b", text):
            names = called_by_shell(text)
        elif path.endswith(".py") or re.match(r"#!.*\bpython3?\b", text):
            names = called_by_python(text)
        elif path.endswith(".cc"):
            names = set(re.findall(r"\b(?:execl?p|popen)\(\s*\"([\w.-]+)", text))
        for name in names:
            if "/" not in name and shutil.which(name, path=PROGRAMS):
                yield path, name


@functools.lru_cache
def installed():
    """name → (always there, [what it needs]) of every installed package, also by the names it provides."""
    fields = ("Package", "Essential", "Priority", "Pre-Depends", "Depends", "Provides")
    form = "\t".join(f"${{{field}}}" for field in fields) + "\n"
    query = ["dpkg-query", "-W", "-f", form]
    listed = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    packages = {}
    for line in listed.splitlines():
        name, essential, priority, *needs, provides = line.split("\t")
        needs = re.findall(r"[a-z0-9][a-z0-9+.-]+(?=[\s:,|(]|$)", re.sub(r"\(.*?\)", "", ", ".join(needs)))
        for each in [name, *re.findall(r"[a-z0-9][a-z0-9+.-]+", re.sub(r"\(.*?\)", "", provides))]:
            always = essential == "yes" or priority == "required"
            packages.setdefault(each, (always, set()))[1].update([*needs, name])
    return packages


@functools.lru_cache
def declared():
    """Every package that is there once those of the list are installed."""
    with open(os.path.join(TOP, "deploy", "packages.txt"), encoding="utf-8") as file:
        named = {line.split()[1] for line in file if line.strip() and not line.startswith("#")}
    named |= {name for name, (always, _) in installed().items() if always}
    known, new = set(), named | {"apt"}
    while new:
        known |= new
        needed = {need for name in new for need in installed().get(name, (False, ()))[1]}
        new = needed - known
    return known


@functools.lru_cache
def owners():
    """path → the packages that have it."""
    found = {}
    for list_file in glob.glob("/var/lib/dpkg/info/*.list"):
        package = os.path.basename(list_file).removesuffix(".list").split(":")[0]
        with open(list_file, encoding="utf-8") as file:
            for path in file.read().splitlines():
                if "/bin/" in path or "/sbin/" in path:
                    found.setdefault(path.removeprefix("/usr"), set()).add(package)
    return found


def packages_of(name):
    """Those that have this program: /bin is /usr/bin, and dpkg may know either name."""
    path = shutil.which(name, path=PROGRAMS)
    real = os.path.realpath(path)  # of an alternative
    return set().union(*(owners().get(one.removeprefix("/usr"), set()) for one in (path, real)))


def test_every_program_belongs_to_a_declared_package():
    missing = {}
    for path, name in calls():
        if name not in OPTIONAL and not packages_of(name) & declared():
            missing.setdefault(name, set()).add(path)
    assert not missing, {name: (packages_of(name), sorted(paths)) for name, paths in missing.items()}


def test_many_calls_are_seen():
    seen = {name for _, name in calls()}
    assert {"cmake", "redis-server", "dpkg-query", "promtool"} <= seen
    # Where there is Docker, or the containers are left out, podman is not installed.
    assert "podman" in seen or not shutil.which("podman", path=PROGRAMS)


@pytest.mark.parametrize(
    "script, called",
    [
        ("cmake --build x | tail -n 3 && sort y", {"cmake", "tail", "sort"}),
        ('echo "no curl here; $(git log | head -n 1)"', {"echo", "git", "head"}),
        ("# curl x\nwget y # curl\n", {"wget"}),
        ("cat <<EOF\ncurl x\nEOF\nls", {"cat", "ls"}),
        ("case $x in curl | wget) ls ;; esac", {"ls"}),
        ("if ! A=1 timeout 3 curl x; then exec ss; fi", {"curl", "exec", "ss", "timeout", "fi"}),
        ("x=$((1 + 2)); y=(a b); diff <(sort a) b", {"sort", "diff"}),
        ("f() { awk '{ print }' | xargs -r umount; }", {"f", "awk", "umount", "xargs"}),
    ],
)
def test_what_is_read_out_of_a_script(script, called):
    assert called_by_shell(script) == called
