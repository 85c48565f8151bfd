"""A gateway with functions of its own, built out of tree from what `cmake --install` has put down."""

import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest
from zero.error import MethodNotFoundException, RemoteException, ValidationException

from clients import KINDS, Clients
from gateway import Gateway

TOP = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = TOP / "deploy" / "examples" / "functions"
TIMEOUT_S = 300  # generous: a compiler on a busy machine
pytestmark = pytest.mark.gateway


def finished(*command):
    return subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )


def run(*command):
    done = finished(*command)
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def python(folder, *words):
    """What this interpreter prints when it runs in the folder."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    ).stdout


@pytest.fixture(scope="module")
def options(request, tmp_path_factory):
    """Of cmake, for a folder that knows nothing of the sources."""
    binaries = pathlib.Path(request.config.getoption("--zerogate")).resolve().parent
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", binaries, "--component", "sdk", "--prefix", prefix)
    options = [f"-DCMAKE_PREFIX_PATH={prefix}"]
    cache = (binaries / "CMakeCache.txt").read_text().splitlines()
    for line in cache:
        if line.startswith("ZEROGATE_SANITIZE:") and (which := line.partition("=")[2]):
            options.append(f"-DCMAKE_CXX_FLAGS=-fsanitize={which}")
        if line.startswith("CMAKE_CXX_COMPILER:"):
            options.append(f"-DCMAKE_CXX_COMPILER={line.partition('=')[2]}")
    return options


@pytest.fixture(scope="module")
def build(options):
    """Builds such a folder, and returns its program `notes` and what cmake has said of it."""

    def build(source, *more):
        said = run("cmake", "-S", source, "-B", source / "build", *options, *more)
        run("cmake", "--build", source / "build")
        return source / "build" / "notes", said

    return build


@pytest.fixture(scope="module")
def program(build, tmp_path_factory):
    """The example's."""
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("functions") / "source")
    program, said = build(source)
    assert "add -DCMAKE_BUILD_TYPE=Release" in said
    return program


@pytest.fixture(scope="module")
def notes(program, redis):
    gateway = Gateway(str(program), redis.url()).start()
    yield gateway
    gateway.close()


async def opened(kind, gateway):
    clients = Clients()
    return clients, clients.open(kind, gateway).call


@pytest.mark.parametrize("kind", KINDS)
async def test_functions_serve_real_clients(notes, kind):
    clients, call = await opened(kind, notes)
    assert await call("save_note", {"title": kind, "text": "buy apples"}, return_type=str) == kind
    assert await call("read_note", kind) == "buy apples"
    assert await call("read_note", f"no {kind}") is None
    assert await call("sum_list", [1, 2, 3], return_type=int) == 6
    with pytest.raises(ValidationException, match=r"Expected `int`, got `str` - at `\$\[1\]`"):
        await call("sum_list", [1, "two"])
    with pytest.raises(ValidationException, match="Object missing required field `text`"):
        await call("save_note", {"title": "t"})
    with pytest.raises(MethodNotFoundException, match="Function `hello_world` not found!"):
        await call("hello_world")
    await clients.close_all()


async def test_functions_are_counted_by_name(notes):
    clients, call = await opened("tcp", notes)
    await call("sum_list", [])
    await clients.close_all()
    counted = notes.metrics().total("zerogate_requests_total", function="sum_list", outcome="ok")
    assert counted >= 1


async def test_redis_that_is_away_is_an_error_that_says_so(program, own_redis):
    gateway = Gateway(str(program), own_redis.url()).start()
    try:
        own_redis.kill()
        clients, call = await opened("tcp", gateway)
        with pytest.raises(RemoteException, match="redis"):
            await call("read_note", "x")
        await clients.close_all()
    finally:
        gateway.close()


def block(text, language):
    """The first of the language that the page shows."""
    return textwrap.dedent(re.search(rf" *```{language}\n(.*?)\n *```", text, re.S).group(1)) + "\n"


@pytest.mark.once
async def test_the_document_is_enough(build, redis, tmp_path):
    text = (TOP / "docs" / "functions.md").read_text()
    source = block(text, "cpp")
    # What the page on types shows stands beside it.
    types = block((TOP / "docs" / "functions-types.md").read_text(), "cpp")
    add = 'functions.add("same_order", "", [](shop::Order order) { return order; });'
    source = source.replace("int main(", f"{types}\nint main(")
    source = source.replace("  return zerogate::main(", f"  {add}\n  return zerogate::main(")
    assert add in source
    (tmp_path / "functions.cc").write_text(source)
    (tmp_path / "CMakeLists.txt").write_text(block(text, "cmake"))
    build_type = re.search(r"`cmake -B build (-DCMAKE_BUILD_TYPE=\w+) ", text).group(1)
    program, said = build(tmp_path, build_type)
    assert "Warning" not in said
    use = textwrap.dedent(re.search(r" *```python\n(.*?)\n *```", text, re.S).group(1))
    generate = re.search(r"`python (-m zero.generate_client .*?)`", text).group(1).split()
    gateway = Gateway(str(program), redis.url()).start()
    try:
        # Other ports than the document's, which another gateway of this machine may have.
        generate[generate.index("--port") + 1] = str(gateway.zmq_port)
        python(tmp_path, *generate, "--overwrite-dir")
        # Zero's clients print what they log, too.
        assert python(tmp_path, "-c", use).splitlines()[-1] == "a"
        wrong = use.replace(', text="b"', ", text=3")
        assert wrong != use
        failure = python(tmp_path, "-c", wrong)
        assert "ValidationException: Expected `str`, got `int` - at `$.text`" in failure
        clients, call = await opened("zmq_sync", gateway)
        assert await call("save_note", {"title": "a", "text": "b"}) == "a"
        order = {"user_id": "u", "items": ["x"]}
        assert await call("same_order", order) == {**order, "status": "open"}
        await clients.close_all()
    finally:
        gateway.close()


@pytest.mark.once
def test_the_examples_own_tests_pass(program):
    said = run("ctest", "--test-dir", program.parent, "--output-on-failure")
    assert "100% tests passed, 0 tests failed out of 1" in said
    shown = block((TOP / "docs" / "functions.md").read_text().partition("## Unit tests")[2], "cpp")
    assert shown.strip() in (EXAMPLE / "functions_test.cc").read_text()


def compiler_says(options, folder, functions):
    """Of the example with this functions.cc, which does not compile."""
    source = shutil.copytree(EXAMPLE, folder / "source")
    (source / "functions.cc").write_text(functions)
    run("cmake", "-S", source, "-B", source / "build", *options)
    failed = finished("cmake", "--build", source / "build", "--target", "notes")
    assert failed.returncode != 0
    return failed.stdout


@pytest.mark.once
def test_the_compiler_says_which_macro_was_forgotten(options, tmp_path):
    source = (EXAMPLE / "functions.cc").read_text()
    without = source.replace("  ZEROGATE_FIELDS(title, text)\n", "")
    assert without != source
    said = compiler_says(options, tmp_path, without)
    assert "a struct needs ZEROGATE_FIELDS or ZEROGATE_DEFAULTS within it" in said
    assert said.count("error:") == 1


@pytest.mark.once
def test_the_compiler_says_how_a_function_has_to_look(options, tmp_path):
    wrong = {
        "[](std::string& text) { return text; }": "an argument is taken by value or as `const T&`",
        "[n = 0](int by) mutable { return n += by; }": "all threads call one object",
        "[](auto number) { return number; }": "a function is a pointer to one, or an object with one operator()",
        "[](int) -> const int& { static int n; return n; }": "a function returns a value and no reference",
        "[](Context&, int n) -> Task<int> { co_return n; }": "the Context& comes behind the argument",
        "[](int n, const Context&) -> Task<int> { co_return n; }": "a Context is taken as `Context&`",
        "[](int n, int m) { return n + m; }": "a function of Zero has at most one argument",
    }
    functions = '#include "functions.h"\nnamespace notes {\nusing namespace zerogate;\nvoid wrong() {\n  Functions f;\n'
    functions += "".join(f'  f.add("f", "", {function});\n' for function in wrong) + "}\n}\n"
    said = compiler_says(options, tmp_path, functions)
    for text in wrong.values():
        assert text in said
