"""Where the migration happens: processes of this machine, or the containers of docker-compose.yaml.

Both sites have the shop, the gateway and the clients; `steps.py` tells them what to do when.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
START_S = 60  # generous: for whatever has to start
CLIENT_S = 60  # for one run of a client
POLL_S = 0.05


def wait_until(condition, what):
    deadline = time.monotonic() + START_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"steps.py: not within {START_S} s: {what}")
        time.sleep(POLL_S)


def get(port, path):
    """The text of the admin port's page; None when there is none, or the gateway is not ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.read().decode()
    except (urllib.error.URLError, OSError):
        return None


def output(command, timeout=CLIENT_S):
    """Both streams. `docker compose exec` brings them one by one, so their lines are in any order."""
    run = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
    )
    return run.stdout


def answer(text):
    """What the one line in JSON says, between those of zeroapi's log; None when there is an error."""
    for line in text.splitlines():
        try:
            return json.loads(line)
        except ValueError:
            continue
    return None


def ports():
    """Four of them: what clients call over ZeroMQ, over TCP, the admin port, the shop behind."""
    if os.environ.get("MIGRATION_PORTS") == "free":
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
        numbers = [each.getsockname()[1] for each in sockets]
        for each in sockets:
            each.close()
        return numbers
    first = int(os.environ.get("MIGRATION_PORTS", "5571"))
    return list(range(first, first + 4))


class LocalSite:
    """Processes on loopback, each in a group of its own and ended with this one."""

    def __init__(self):
        self.zmq_port, self.tcp_port, self._admin_port, self._behind_port = ports()
        self._shop = None
        self._processes = {}
        self._zerogate = os.environ["ZEROGATE_BIN"]
        self._folder = tempfile.TemporaryDirectory(prefix="zerogate-migration-")

    @staticmethod
    def where(port):
        return f"127.0.0.1:{port}"

    def start_shop(self, protocol, port):
        self._shop = (protocol, port)
        self._start("shop", [sys.executable, f"{HERE}/service.py", protocol, str(port)])
        wait_until(lambda: self.ask_shop() == protocol, "the shop answers")

    def start_shop_behind_gateway(self):
        self.start_shop("tcp", self._behind_port)

    def stop_shop(self):
        self._stop("shop")

    def ask_shop(self):
        """The protocol that it says to speak, asked without the gateway; None: no answer."""
        protocol, port = self._shop
        return answer(output([sys.executable, f"{HERE}/ask.py", protocol, "127.0.0.1", str(port)]))

    def start_gateway(self):
        command = [self._zerogate, "serve", "--log-level", "warn"]
        command += ["--listen-zmq", self.where(self.zmq_port), "--listen-tcp", self.where(self.tcp_port)]
        command += ["--admin", self.where(self._admin_port)]
        command += ["--bridge", f"tcp://127.0.0.1:{self._behind_port}"]
        print(f"    $ {shlex.join(['zerogate', *command[1:]])}")
        self._start("gateway", command)
        wait_until(lambda: get(self._admin_port, "/readyz"), "the gateway is ready")

    def stop_gateway(self):
        self._stop("gateway")

    def gateway_runs(self):
        return "gateway" in self._processes

    def metrics(self):
        return get(self._admin_port, "/metrics")

    def run_client(self, command, port):
        program, *arguments = command
        return output([sys.executable, f"{HERE}/{program}", *arguments, "127.0.0.1", str(port)])

    @property
    def dashboard(self):
        return f"http://127.0.0.1:{self._admin_port}/metrics"

    def start_dashboard(self):
        """None is installed here: the metrics themselves have to do."""

    def close(self):
        for name in list(self._processes):
            self._stop(name)
        self._folder.cleanup()

    def _start(self, name, command):
        # Its own folder: Zero's ZeroMQ server leaves a socket in the one where it was started.
        with open(os.path.join(self._folder.name, f"{name}.log"), "ab") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=self._folder.name, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )

    def _stop(self, name):
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)  # workers that did not hear it
        except ProcessLookupError:
            pass
        process.wait()


class ContainerSite:
    """The containers of docker-compose.yaml. The shop is `shop` to its clients, whoever is that."""

    zmq_port, tcp_port = 5559, 5560

    def __init__(self):
        compose = shlex.split(os.environ.get("COMPOSE", "docker-compose"))
        self._compose = [*compose, "-p", "zerogate-migration", "-f", f"{HERE}/docker-compose.yaml"]
        self._admin_port = int(os.environ.get("MIGRATION_ADMIN_PORT", "9465"))
        self._shop = None
        self._up("clients")

    @staticmethod
    def where(port):
        return f"shop:{port}"

    def start_shop(self, protocol, port):
        self._start_shop("shop-zmq" if protocol == "zmq" else "shop-tcp", protocol, port)

    def start_shop_behind_gateway(self):
        self._start_shop("shop-behind", "tcp", 5559)

    def stop_shop(self):
        self._down(self._shop[0])

    def ask_shop(self):
        service, protocol, port = self._shop
        return answer(self._exec(service, "ask.py", protocol, "127.0.0.1", port))

    def start_gateway(self):
        self._up("gateway")
        wait_until(lambda: get(self._admin_port, "/readyz"), "the gateway is ready")
        self._wait_for_name("zmq", self.zmq_port, "tcp")

    def stop_gateway(self):
        self._down("gateway")

    def gateway_runs(self):
        return get(self._admin_port, "/healthz") is not None

    def metrics(self):
        return get(self._admin_port, "/metrics")

    def run_client(self, command, port):
        return self._exec("clients", *command, "shop", port)

    @property
    def dashboard(self):
        return f"http://127.0.0.1:{os.environ.get('GRAFANA_PORT', '3000')}/"

    def start_dashboard(self):
        self._run("up", "-d", "--no-deps", "prometheus", "grafana")

    def close(self):
        self._run("down", "-v", "-t", "2")

    def _start_shop(self, service, protocol, port):
        self._shop = (service, protocol, port)
        self._up(service)
        wait_until(lambda: self.ask_shop() == protocol, f"{service} answers")
        if service != "shop-behind":
            self._wait_for_name(protocol, port, protocol)

    def _wait_for_name(self, protocol, port, speaks):
        """Until the name `shop` leads clients to whom has it now."""
        asked = ("clients", "ask.py", protocol, "shop", port)
        wait_until(lambda: answer(self._exec(*asked)) == speaks, f"shop:{port} answers")

    def _exec(self, service, program, *arguments):
        words = [str(word) for word in arguments]
        return output([*self._compose, "exec", "-T", service, "/venv/bin/python", f"/app/{program}", *words])

    def _up(self, service):
        self._run("up", "-d", "--no-deps", service)

    def _down(self, service):
        self._run("rm", "-s", "-f", service)

    def _run(self, *words):
        run = subprocess.run(
            [*self._compose, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if run.returncode:
            raise SystemExit(f"steps.py: {shlex.join(run.args)} failed:\n{run.stderr.strip()}")
