"""deploy/run, as a user runs it: what it prints, its exit status, and that nothing is left behind.

On free ports (port 0), for the default ones may be taken on the machine that tests.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "interop"))

from watchman import our_watchman  # noqa: E402

FREE_PORTS = ["--listen-tcp", "127.0.0.1:0", "--listen-zmq", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
TIMEOUT_S = 60  # generous: the build is there already, so the whole takes about two seconds


class Deploy:
    """One deploy/run under way, in a session of its own, with all that it prints."""

    def __init__(self, *arguments, environment=None):
        self.process = subprocess.Popen(
            [os.path.join(TOP, "deploy", "run"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        our_watchman().guard(self.process.pid)
        self.text = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.text += line
                self._changed.notify_all()

    def wait_for(self, pattern):
        """The match of `pattern` in what was printed, once it is there."""
        with self._changed:
            found = self._changed.wait_for(lambda: re.search(pattern, self.text), TIMEOUT_S)
        assert found, self.text
        return found

    def end(self):
        """Its exit status. The output ends only when every process that holds it has ended too."""
        status = self.process.wait(TIMEOUT_S)
        our_watchman().release(self.process.pid)
        self._reader.join(TIMEOUT_S)
        assert not self._reader.is_alive(), f"a process was left behind:\n{self.text}"
        return status


@pytest.fixture
def deploy():
    started = []

    def start(*arguments, **options):
        started.append(Deploy(*arguments, **options))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def wait_until_gone(pid):
    deadline = time.monotonic() + TIMEOUT_S
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < deadline, f"process {pid} lives"
        time.sleep(0.02)


def private_redis(run):
    """The process and the folder of the private Redis of a run in the foreground."""
    socket_path = run.wait_for(r"redis-cli -s (\S+)").group(1)
    listing = subprocess.run(
        ["redis-cli", "-s", socket_path, "info", "server"], capture_output=True, text=True, check=True
    )
    return int(re.search(r"process_id:(\d+)", listing.stdout).group(1)), os.path.dirname(socket_path)


def test_once_calls_over_each_protocol_and_exits_0(deploy):
    run = deploy("--once", *FREE_PORTS)
    assert run.end() == 0, run.text
    for url in (r"tcp://127\.0\.0\.1:\d+", r"zmq://127\.0\.0\.1:\d+"):
        assert re.search(url + r' +hello_world\n +-> "hello world"\n', run.text), run.text
    order_id = re.search(r'tcp://\S+ +save_order .*\n +-> .*"order_id":"([0-9a-f-]{36})"', run.text)
    assert order_id, run.text
    assert re.search(
        rf'zmq://\S+ +get_order "{order_id[1]}"\n +-> .*"id":"{order_id[1]}"', run.text
    ), run.text


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_with_status_0(deploy, which):
    run = deploy(*FREE_PORTS)
    redis, folder = private_redis(run)
    gateway = int(run.wait_for(r"it runs \(process (\d+)\)").group(1))
    # To the whole group, as Ctrl-C on a terminal does: the gateway must still be told only once.
    os.killpg(run.process.pid, which)
    assert run.end() == 0, run.text
    assert not os.path.exists(folder)
    wait_until_gone(redis)
    wait_until_gone(gateway)


def test_nothing_outlives_a_killed_run(deploy):
    run = deploy(*FREE_PORTS)
    redis, folder = private_redis(run)
    gateway = int(run.wait_for(r"it runs \(process (\d+)\)").group(1))
    run.process.kill()
    run.end()
    wait_until_gone(gateway)
    wait_until_gone(redis)
    shutil.rmtree(folder)  # the one thing that SIGKILL keeps deploy/run from doing


def test_a_busy_port_is_one_line_and_status_1(deploy):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run = deploy("--once", *FREE_PORTS[2:], "--listen-tcp", address)
        assert run.end() == 1
    complaints = [line for line in run.text.splitlines() if address in line]
    assert len(complaints) == 1, run.text
    assert "in use" in complaints[0]


def test_a_mistake_in_a_flag_has_the_status_of_the_gateway(deploy):
    run = deploy("--once", "--lisen-tcp", "127.0.0.1:0")
    assert run.end() == 2
    assert "--lisen-tcp" in run.text


def redis_info(socket_path, section):
    command = ["redis-cli", "-s", socket_path, "info", section]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def users_redis(tmp_path):
    """The path of the socket of a Redis that is not ours to write into."""
    path = str(tmp_path / "redis.sock")
    command = ["redis-server", "--port", "0", "--unixsocket", path, "--dir", str(tmp_path), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + TIMEOUT_S
        while "PONG" not in subprocess.run(["redis-cli", "-s", path, "ping"], capture_output=True, text=True).stdout:
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        yield path
        server.terminate()


@pytest.mark.parametrize("how", ["flag", "environment", "file"])
def test_the_users_redis_is_used_and_nothing_is_written_into_it(deploy, users_redis, tmp_path, how):
    url = f"unix:{users_redis}"
    flags, environment = [f"--redis={url}"], {}
    if how == "environment":
        flags, environment = [], {"ZEROGATE_REDIS_URL": url}
    elif how == "file":
        (tmp_path / "zerogate.yaml").write_text(f"redis: {{url: {url}}}\n")
        flags = ["--config", str(tmp_path / "zerogate.yaml")]
    run = deploy("--once", *FREE_PORTS, *flags, environment=environment)
    assert run.end() == 0, run.text
    assert "private" not in run.text
    assert "every call was answered" in run.text
    [connections] = re.findall(r"total_connections_received:(\d+)", redis_info(users_redis, "stats"))
    assert int(connections) > 2, "the gateway, besides redis-cli"
    assert "db0" not in redis_info(users_redis, "keyspace")
    assert "cmdstat_set:" not in redis_info(users_redis, "commandstats")


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_a_service_behind_the_bridge_is_sent_no_call(deploy, how):
    service = deploy(*FREE_PORTS)
    service.wait_for("it runs")
    [port] = re.findall(r"tcp://127\.0\.0\.1:(\d+) +hello_world", service.text)
    admin = service.wait_for(r"curl (http://\S+)/metrics").group(1)

    def calls():
        with urllib.request.urlopen(f"{admin}/metrics", timeout=TIMEOUT_S) as page:
            samples = re.findall(r"^zerogate_requests_total\{(.*)\} (\d+)", page.read().decode(), re.M)
        return sum(int(number) for labels, number in samples if 'function="connect"' not in labels)

    before = calls()
    url = f"tcp://127.0.0.1:{port}"
    flags, environment = ["--bridge", url], {}
    if how == "environment":
        flags, environment = [], {"ZEROGATE_BRIDGE": url}
    run = deploy("--once", *FREE_PORTS, *flags, environment=environment)
    assert run.end() == 0, run.text
    assert re.search(r"zmq://\S+ +connect\n +-> .*connected", run.text), run.text
    assert calls() == before > 0


def test_what_is_said_to_try_next_calls_no_function_of_a_service(deploy):
    """README.md's snippet would save an order there. No demo function is served, so none needs Redis."""
    run = deploy(*FREE_PORTS, "--bridge", "tcp://127.0.0.1:1")
    run.wait_for("in a browser")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0, run.text
    assert "snippet" not in run.text
    assert "redis" not in run.text.split("To try next")[1]
    assert "private" not in run.text


def test_handlers_that_a_variable_names_have_a_redis(deploy):
    run = deploy("--once", *FREE_PORTS, environment={"ZEROGATE_HANDLERS": "save_order"})
    assert run.end() == 0, run.text
    assert "starting a private one" in run.text


@pytest.mark.parametrize("file_format", ["logfmt", "json"])
def test_a_protocol_that_a_file_switches_off_is_not_called(deploy, tmp_path, file_format):
    (tmp_path / "bridge.yaml").write_text(
        f"listen: {{tcp: null, zmq: 127.0.0.1:0}}\nadmin: 127.0.0.1:0\nlog: {{format: {file_format}}}\n"
        "backends: {orders: {url: tcp://127.0.0.1:1}}\nroutes: [{functions: '*', backend: orders}]\n"
    )
    run = deploy("--once", "--config", str(tmp_path / "bridge.yaml"))
    assert run.end() == 0, run.text
    assert re.findall(r"(\w+)://\S+ +connect\n", run.text) == ["zmq"]


def test_a_default_address_that_gave_way_is_not_called(deploy):
    """README.md's flags of a bridge: TCP gives its default port to ZeroMQ."""
    run = deploy("--once", "--listen-zmq", "127.0.0.1:5559", "--bridge", "tcp://127.0.0.1:1", *FREE_PORTS[4:])
    if run.end() != 0 and "in use" in run.text:
        pytest.skip("port 5559 is taken on this machine")
    assert run.process.returncode == 0, run.text
    assert re.findall(r"(\w+://\S+) +connect\n", run.text) == ["zmq://127.0.0.1:5559"]


def test_unix_sockets_are_called_and_the_admin_port_asked(deploy, tmp_path):
    flags = [f"--listen-tcp=unix:{tmp_path}/t", f"--listen-zmq=ipc:{tmp_path}/z", f"--admin=unix:{tmp_path}/a"]
    run = deploy(*flags)
    run.wait_for(rf"curl --unix-socket {tmp_path}/a http://localhost/metrics\n")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0, run.text
    assert "not ready" not in run.text
    assert re.findall(r"(\S+) +hello_world\n +-> \"hello world\"", run.text) == [
        f"unix:{tmp_path}/t",
        f"ipc:{tmp_path}/z",
    ]
