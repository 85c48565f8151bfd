"""Signals at any time, closed standard descriptors and a stuck event loop: the gateway drains, or
ends in time, and says so; nothing kills it by accident."""

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from bridging import one_backend
from own_names import OwnNames
from scripted_backend import ScriptedTcp, echo
from tasks import read_tasks
from waiting import PATIENCE_S, SLACK_S, until, wait_until

pytestmark = pytest.mark.gateway

WRITE = {"x86_64": "1", "aarch64": "64"}.get(os.uname().machine)  # the number of the system call
HARMLESS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


@pytest.fixture(name="serve")
def serve_fixture(binary):
    """Starts gateways: (process, admin). The admin port is a Unix socket: some of them can say no port on
    stderr, and one that is chosen before they start may be another's by then."""
    processes = []
    folder = tempfile.TemporaryDirectory(prefix="zerogate-signals-")

    def serve(*arguments, preexec=None, **options):
        admin = os.path.join(folder.name, str(len(processes)))
        command = [binary, "serve", "--listen-tcp", "127.0.0.1:0", "--listen-zmq", "127.0.0.1:0"]
        command += ["--admin", f"unix:{admin}", *arguments]
        options.setdefault("stderr", subprocess.DEVNULL)
        processes.append(subprocess.Popen(command, preexec_fn=preexec, **options))
        return processes[-1], admin

    yield serve
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
    folder.cleanup()


def get(admin, path):
    """The status of a page of the admin port, or None."""
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(PATIENCE_S)
            peer.connect(admin)
            peer.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            while block := peer.recv(65536):
                answer += block
            return int(answer.split()[1])
    except (OSError, IndexError):
        return None


def until_ready(admin):
    wait_until(lambda: get(admin, "/readyz") == 200, PATIENCE_S, "it is ready")


@pytest.mark.parametrize("closed", ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)))
def test_closed_standard_descriptors(serve, closed):
    def close():
        for fd in closed:
            os.close(fd)

    process, admin = serve(preexec=close, stderr=None)
    until_ready(admin)
    for fd in closed:
        assert os.readlink(f"/proc/{process.pid}/fd/{fd}") == "/dev/null"
    process.terminate()
    assert process.wait(PATIENCE_S) == 0


def handles(pid, number):
    """True when the process blocks, ignores or catches the signal, so that it does not kill."""
    sets = 0
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(("SigBlk", "SigIgn", "SigCgt")):
                sets |= int(line.split()[1], 16)
    return bool(sets >> (number - 1) & 1)


# ThreadSanitizer runs handlers of signals that are blocked within another handler's read(), and two of
# libuv's then wait for each other for good: no flood of signals there.
@pytest.mark.once
@pytest.mark.parametrize("number", HARMLESS, ids=lambda number: number.name)
def test_harmless_signals_from_the_start_to_the_end(serve, number):
    process, admin = serve()
    wait_until(lambda: handles(process.pid, number), PATIENCE_S, "the signal is held")
    while get(admin, "/readyz") != 200:
        assert process.poll() is None
        process.send_signal(number)
    for _ in range(20):
        process.send_signal(number)
    assert get(admin, "/healthz") == 200
    assert end_under_a_flood(process, number) == 0


def end_under_a_flood(process, number):
    """The exit status of a process that gets a signal all the time while it ends: no moment of its
    end may be without a handler."""
    process.terminate()
    while process.poll() is None:
        process.send_signal(number)
        time.sleep(0.00005)
    return process.wait()


@pytest.mark.once  # the same
@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_signals_that_end_it_never_kill_it(serve, number):
    for _ in range(10):
        process, admin = serve()
        until_ready(admin)
        assert end_under_a_flood(process, number) == 0


@pytest.mark.parametrize("number", ENDING)
async def test_signals_that_end_it_drain(start_bridge, clients, number):
    calls = []
    async with ScriptedTcp({"f": calls.append}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        client = clients.open("zmq_async", gateway)
        call = asyncio.create_task(client.call("f", 1))
        await until(lambda: calls, PATIENCE_S, "the call is under way")
        os.kill(gateway.pid, number)
        await until(lambda: "event=draining" in gateway.log, PATIENCE_S, "it drains")
        echo(calls[0])
        assert await call == 1
        await asyncio.to_thread(gateway.wait_for_exit)


PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WAIT_ALL = 0x40000000


def stop_a_worker(pid):
    """Stops the thread of one event loop wherever it is, and returns its id."""
    libc = ctypes.CDLL(None, use_errno=True)
    workers = [task for task, name in read_tasks(pid, "comm").items() if name.strip() == "worker"]
    assert workers, "no thread is a worker"
    task = int(workers[0])
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, task, None, None) != 0:
            pytest.skip(f"ptrace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(task, WAIT_ALL)
    return task


def test_a_stuck_event_loop_is_not_healthy_and_does_not_hold_up_the_end(serve):
    process, admin = serve("--threads", "2")
    until_ready(admin)
    assert get(admin, "/healthz") == 200
    task = stop_a_worker(process.pid)
    wait_until(lambda: get(admin, "/healthz") == 503, PATIENCE_S, "it is not healthy")
    process.terminate()
    wait_until(lambda: get(admin, "/readyz") == 503, PATIENCE_S, "it drains")
    process.terminate()
    began = time.monotonic()
    os.waitpid(task, WAIT_ALL)  # the stopped thread, whose end is ours to take note of
    assert process.wait(PATIENCE_S) == 1
    assert time.monotonic() - began < 1 + SLACK_S


@pytest.fixture(name="names")
def names_fixture(tmp_path, binary):
    names = OwnNames(tmp_path, binary)
    yield names
    names.close()


def ends_in_order(process, number):
    process.send_signal(number)
    process.send_signal(number)  # nor does a second one kill it
    _, log = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, log
    last = log.splitlines()[-1]
    assert "event=stopped" in last and "calls_cut_off=0" in last


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_ends_a_start_that_waits_for_a_file(serve, tmp_path, number):
    """A pipe whose writer says nothing, like a file on a server that is dead."""
    os.mkfifo(tmp_path / "zerogate.yaml")
    with open(tmp_path / "zerogate.yaml", "r+b", buffering=0):
        process, _ = serve("--config", str(tmp_path / "zerogate.yaml"), stderr=subprocess.PIPE, text=True)
        wait_until(lambda: handles(process.pid, number), PATIENCE_S, "it starts")
        ends_in_order(process, number)


def test_a_start_does_not_wait_for_a_writer_that_does_not_come(serve, tmp_path):
    os.mkfifo(tmp_path / "zerogate.yaml")
    process, _ = serve("--config", str(tmp_path / "zerogate.yaml"), stderr=subprocess.PIPE, text=True)
    _, log = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, "is a pipe that nothing writes to" in log) == (2, True)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
@pytest.mark.parametrize("flag", ("--admin", "--listen-tcp", "--listen-zmq"))
def test_a_signal_ends_a_start_that_waits_for_a_name_server(names, flag, number):
    name = flag.strip("-") + ".test"  # of which the name server says no word
    command = [names.program, "serve"]
    for port in ("--admin", "--listen-tcp", "--listen-zmq"):
        command += [port, f"{name if port == flag else '127.0.0.1'}:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: names.asked.get(name), PATIENCE_S, "it waits")
            ends_in_order(process, number)
        finally:
            process.kill()


@pytest.mark.once  # the same
@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_signals_that_end_it_never_kill_it_while_it_starts(serve, number):
    for _ in range(10):
        process, _ = serve()
        wait_until(lambda: handles(process.pid, number), PATIENCE_S, "the signal is held")
        assert end_under_a_flood(process, number) == 0


# A sanitizer writes before main(), and the limit kills it.
@pytest.mark.once
@pytest.mark.parametrize("stderr", ("a pipe without a reader", "a file at its limit"))
def test_a_start_that_fails_and_cannot_say_why_has_its_status(serve, tmp_path, stderr):
    read, write = os.pipe()
    os.close(read)
    if stderr == "a file at its limit":
        os.close(write)
        write = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    process, _ = serve("--config", "/nonexistent/zerogate.yaml", stderr=write, preexec=limit)
    os.close(write)
    assert process.wait(PATIENCE_S) == 2


@pytest.fixture(name="full_pipe")
def full_pipe_fixture():
    """The end of a pipe that no byte goes into, and that nobody reads."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write, b"x")
    os.set_blocking(write, True)
    yield write
    os.close(read)
    os.close(write)


def writes_to_stderr(pid):
    """True while the main thread waits for the reader of stderr."""
    try:
        with open(f"/proc/{pid}/syscall") as call:
            number, fd, *_ = [*call.read().split(), ""]
    except OSError as error:
        pytest.skip(f"/proc: {error}")
    return number == WRITE and fd == "0x2"


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_ends_a_start_that_waits_for_the_reader_of_stderr(serve, full_pipe, number):
    process, _ = serve("--config", "/nonexistent/zerogate.yaml", stderr=full_pipe)
    wait_until(lambda: writes_to_stderr(process.pid), PATIENCE_S, "it tells why it cannot start")
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.once
def test_a_signal_ends_a_start_that_failed_and_waits_for_the_reader(serve, full_pipe, tmp_path):
    """There is no memory for its file: a sanitizer would end the process by itself."""
    file = tmp_path / "zerogate.yaml"
    os.mkfifo(file)
    process, _ = serve("--config", str(file), stderr=full_pipe)
    with contextlib.suppress(BrokenPipeError), open(file, "w", encoding="ascii") as fifo:
        resource.prlimit(process.pid, resource.RLIMIT_AS, (1, 1))
        fifo.write("#" * 1_000_000)
    wait_until(lambda: writes_to_stderr(process.pid), PATIENCE_S, "it tells why it has failed")
    process.terminate()
    assert process.wait(PATIENCE_S) == 0


def test_a_user_who_has_too_many_signals_waiting_can_start_and_end_it(serve):
    """A signal of theirs says its number and no more."""
    none_waits = lambda: resource.setrlimit(resource.RLIMIT_SIGPENDING, (0, 0))
    process, admin = serve(preexec=none_waits)
    until_ready(admin)
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
