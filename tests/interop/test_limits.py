"""Descriptors and tasks are counted before the start: whatever their limits, the gateway serves
both protocols or ends with one line and status 1. It never crashes, and never serves half."""

import json
import os
import re
import resource
import signal
import subprocess
import urllib.request

import pytest

from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.gateway

ADDRESSES = ("--listen-tcp", "127.0.0.1:0", "--listen-zmq", "127.0.0.1:0", "--admin", "127.0.0.1:0")
LISTENING = re.compile(r"event=listening protocol=(\w+) address=127\.0\.0\.1:(\d+)")
NOBODY = 65534


def run_limited(command, limits, user=None):
    """Starts the program under resource limits, in a process group of its own."""

    def limit():
        for name, value in limits.items():
            resource.setrlimit(name, (value, value))
        if user is not None:
            os.setgid(user)
            os.setuid(user)

    environment = {key: text for key, text in os.environ.items() if "ZEROGATE" not in key}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=limit,
    )


def read_ports(process):
    """The ports by protocol once the gateway has started, or the lines that it ended with."""
    ports, lines = {}, []
    for line in process.stderr:
        lines.append(line)
        if found := LISTENING.search(line):
            ports[found[1]] = int(found[2])
        if "event=start " in line:
            return ports, lines
    return None, lines


def call(binary, url):
    done = subprocess.run(
        [binary, "call", url, "echo", "[1]", "--timeout", f"{PATIENCE_S}s"],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_ready(binary, port):
    command = [binary, "healthcheck", "--admin", f"127.0.0.1:{port}"]
    return subprocess.run(command, capture_output=True, timeout=PATIENCE_S).returncode == 0


def serves_or_says_why(binary, limits, arguments, user=None):
    """True when it serves. Else it has ended with status 1 and one line, which is given back."""
    process = run_limited(
        [binary, "serve", "--log-level", "info", *ADDRESSES, *arguments], limits, user
    )
    try:
        ports, lines = read_ports(process)
        if ports is None:
            assert process.wait(PATIENCE_S) == 1, lines
            # With so few tasks LeakSanitizer cannot look for leaks at the end, and says so behind.
            lines = [line for line in lines if not line.startswith("==")]
            said = [line for line in lines if "level=error" in line]
            assert said == lines[-1:], lines
            return re.fullmatch(r'ts=\S+ level=error event="cannot start" reason="(.*)"\n', said[0])[1]
        wait_until(lambda: is_ready(binary, ports["admin"]), PATIENCE_S, "/readyz is 200")
        for protocol in ("tcp", "zmq"):
            assert call(binary, f"{protocol}://127.0.0.1:{ports[protocol]}") == [1]
        taken = len(os.listdir(f"/proc/{process.pid}/fd"))
        assert taken <= limits.get(resource.RLIMIT_NOFILE, taken)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(PATIENCE_S) == 0
        assert "too many open files" not in "".join(lines).lower() + rest.lower()
        return True
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def test_any_number_of_descriptors(binary):
    served = []
    for descriptors in range(8, 71):
        limits = {resource.RLIMIT_NOFILE: descriptors}
        result = serves_or_says_why(binary, limits, ["--threads", "1"])
        if result is not True:
            assert f" descriptors, {descriptors} allowed; raise " in result
        served.append(result is True)
    assert served == sorted(served)  # from some number on it serves
    assert served[-1]


def test_threads_that_do_not_fit(binary):
    said = serves_or_says_why(binary, {resource.RLIMIT_NOFILE: 128}, ["--threads", "8"])
    assert re.fullmatch(
        r"8 threads need \d+ descriptors, 128 allowed; raise the limit of open files "
        r"\(ulimit -n, LimitNOFILE\), or lower threads or the backends' connections",
        said,
    )


def needed_descriptors(binary, arguments):
    """What `check` says under a limit that is too low for anything."""
    process = run_limited(
        [binary, "check", "--config", "/dev/null", *ADDRESSES, *arguments],
        {resource.RLIMIT_NOFILE: 32},
    )
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    return int(re.search(r"warning: \d+ threads? needs? (\d+) descriptors, 32 allowed; raise", out)[1])


@pytest.mark.parametrize("threads", ("1", "3"))
@pytest.mark.parametrize("protocol", (None, "tcp", "zmq"))
def test_what_is_asked_for_is_enough(binary, start_gateway, own_redis, threads, protocol):
    arguments = ["--threads", threads]
    if protocol is None:
        arguments += ["--redis", own_redis.url()]
    else:
        server = start_gateway(own_redis.url())
        port = server.tcp_port if protocol == "tcp" else server.zmq_port
        arguments += ["--bridge", f"{protocol}://127.0.0.1:{port}"]
    needed = needed_descriptors(binary, arguments)
    assert serves_or_says_why(binary, {resource.RLIMIT_NOFILE: needed}, arguments) is True
    said = serves_or_says_why(binary, {resource.RLIMIT_NOFILE: needed - 1}, arguments)
    assert f"need{'s' if threads == '1' else ''} {needed} descriptors, {needed - 1} allowed" in said


def test_config_shows_what_is_in_force(binary):
    limits = {resource.RLIMIT_NOFILE: 256}
    process = run_limited([binary, "serve", *ADDRESSES], limits)
    try:
        ports, lines = read_ports(process)
        effective = re.search(r" effective=(\d+)", "".join(lines))[1]
        assert f" limits.connections={effective} " in lines[-1]
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['admin']}/config") as page:
            assert f"connections: {effective}\n" in page.read().decode()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.getuid() != 0, reason="needs a user of its own to limit")
@pytest.mark.parametrize("tasks", (1, 2, 3, 5, 8, 12, 13, 14, 15, 16, 20, 24, 30, 60, 200))
def test_any_number_of_tasks(anybodys_binary, tasks):
    user = NOBODY - 1 - tasks  # which has no other process, also while other tests run
    limits = {resource.RLIMIT_NPROC: tasks}
    result = serves_or_says_why(anybodys_binary, limits, ["--threads", "2"], user)
    if result is not True:
        assert " tasks, " in result, result
    assert (result is True) == (tasks >= 14), result
