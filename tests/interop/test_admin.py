"""The admin port as others meet it: browsers, Prometheus, scripts with a token, and Unix sockets."""

import gzip
import http.client
import os
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from waiting import PATIENCE_S

pytestmark = pytest.mark.gateway

TOKEN = "0123456789abcdef0123456789abcdef"
NOBODY = 65534


class Served:
    """`zerogate serve` with variables, until the end of the test."""

    def __init__(self, binary, **variables):
        self.binary = binary
        names = {f"ZEROGATE_{key.upper()}": value for key, value in variables.items()}
        environment = {**os.environ, "ZEROGATE_HANDLERS": "hello_world", **names}
        self._process = subprocess.Popen(
            [binary, "serve"], stderr=subprocess.PIPE, text=True, env=environment, umask=0o077
        )
        self.addresses = {}
        self.lines = []  # up to the one that says that it has started
        for line in self._process.stderr:
            self.lines.append(line)
            found = re.search(r"event=listening protocol=(\w+) address=(\S+)", line)
            if found:
                self.addresses[found[1]] = found[2]
            if "event=start " in line:
                break

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        self._process.terminate()
        rest = self._process.stderr.read()
        assert self._process.wait(PATIENCE_S) == 0, rest
        return rest

    def kill(self):
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def ask(self, method, path, headers=None):
        host, port = self.addresses["admin"].rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def command(self, *words, **options):
        return subprocess.run(
            [self.binary, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options
        )


@pytest.fixture(name="binary")
def binary_(request):
    return os.path.abspath(request.config.getoption("--zerogate"))


@pytest.fixture(name="folder")
def folder_():
    """One that every user may enter, which a folder of pytest's is not."""
    path = tempfile.mkdtemp(prefix="zerogate-admin-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


def on_loopback(binary, **variables):
    ports = {"listen_tcp": "127.0.0.1:0", "listen_zmq": "off", "admin": "127.0.0.1:0"}
    return Served(binary, **{**ports, **variables})


def test_a_change_needs_the_token_and_reading_none(binary, folder):
    file = os.path.join(folder, "token")
    with open(file, "w", encoding="ascii") as out:
        out.write(TOKEN + "\n")
    served = on_loopback(binary, admin_token_file=file)
    assert served.ask("GET", "/metrics")[0] == 200
    for path in ("/log?level=warn", "/reload", "/drain"):
        status, headers, body = served.ask("POST", path)
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer"
        hint = f'-H "Authorization: Bearer $(cat {file})"'
        assert body.decode() == f"refused: this needs the token: curl -X POST {hint}\n"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert served.ask("POST", "/log?level=warn", bearer)[2] == b"info -> warn\n"
    words = ("backends", "drain", "none", "127.0.0.1:1", "--admin", served.addresses["admin"])
    assert "(401)" in served.command(*words).stderr
    known = served.command(*words, env={**os.environ, "ZEROGATE_ADMIN_TOKEN_FILE": file})
    assert known.stderr and "(401)" not in known.stderr
    with open(file, "w", encoding="ascii") as out:
        out.write(TOKEN[::-1])
    assert served.ask("POST", "/reload", bearer)[0] == 401
    assert TOKEN not in served.ask("GET", "/config")[2].decode()
    served.stop()


def test_names_that_web_pages_could_have_are_refused(binary):
    served = on_loopback(binary, admin_hosts="metrics.example.com")
    status = lambda path, host: served.ask("GET", path, {"Host": host})[0]
    assert status("/config", "evil.example:9464") == 403
    assert b"admin_hosts" in served.ask("GET", "/", {"Host": "evil.example"})[2]
    for host in ("zerogate:9464", "metrics.example.com", "10.0.0.7:9464", "zerogate.shop.svc:9464"):
        assert status("/metrics", host) == 200, host
    assert status("/healthz", "balancer.example") == 200
    served.stop()


def test_metrics_are_compressed_for_prometheus(binary):
    served = on_loopback(binary)
    _, headers, body = served.ask("GET", "/metrics", {"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert b"# TYPE zerogate_requests_total counter\n" in gzip.decompress(body)
    served.stop()


def test_silent_peers_delay_nobody_and_go(binary):
    served = on_loopback(binary)
    host, port = served.addresses["admin"].rsplit(":", 1)
    peers = [socket.create_connection((host, int(port))) for _ in range(400)]
    assert served.ask("GET", "/healthz")[2] == b"ok\n"
    for peer in peers:
        peer.settimeout(PATIENCE_S)
        assert peer.recv(1) == b""  # the gateway has closed it
        peer.close()
    served.stop()


def test_a_port_that_others_reach_without_a_token_is_worth_a_warning(binary):
    for variables, expected in (
        ({}, False),
        ({"admin": "0.0.0.0:0"}, True),
        ({"admin": "0.0.0.0:0", "admin_token": TOKEN}, False),
    ):
        served = on_loopback(binary, **variables)
        warned = any('event="other hosts can change the gateway"' in line for line in served.lines)
        served.stop()
        assert warned == expected, variables


def test_unix_sockets_have_the_rights_that_were_asked_for(binary, folder):
    path = lambda name: os.path.join(folder, name)
    variables = {
        "listen_tcp": "unix:" + path("tcp"),
        "listen_zmq": "ipc:" + path("zmq"),
        "admin": "unix:" + path("admin"),
        "listen_mode": "0666",
        "admin_mode": "0640",
        "admin_group": str(os.getgid()),
    }
    killed = Served(binary, **variables)
    killed.kill()  # its sockets' files are stale now
    served = Served(binary, **variables)
    mode = lambda name: os.stat(path(name)).st_mode & 0o777
    assert (mode("tcp"), mode("zmq"), mode("admin")) == (0o666, 0o666, 0o640)
    # Another user where this one may become one, else the same: the mode was looked at above.
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    for url in ("unix:" + path("tcp"), "ipc:" + path("zmq")):
        called = served.command("call", url, "hello_world", **other)
        assert called.stdout == '"hello world"\n', called.stderr
    healthy = served.command("healthcheck", "--admin", "unix:" + path("admin"))
    assert (healthy.returncode, healthy.stdout) == (0, f"unix:{path('admin')}: ready\n"), healthy.stderr
    second = served.command("serve", env={**os.environ, "ZEROGATE_LISTEN_TCP": "unix:" + path("tcp")})
    assert second.returncode == 1 and "Address already in use" in second.stderr
    served.stop()
    assert os.listdir(folder) == []


def test_a_dual_stack_port_calls_ipv4_clients_by_their_address(binary):
    """As in the image: [::] takes both, and 10.0.0.1 is not ::ffff:10.0.0.1 in the log."""
    every = "[::]:0"
    served = Served(binary, listen_tcp=every, listen_zmq=every, admin=every, log_access="all")
    for protocol, url in (("tcp", "tcp"), ("zmq", "zmq")):
        port = served.addresses[protocol].rsplit(":", 1)[1]
        called = served.command("call", f"{url}://127.0.0.1:{port}", "hello_world")
        assert called.stdout == '"hello world"\n', called.stderr
    admin = served.addresses["admin"].rsplit(":", 1)[1]
    healthy = served.command("healthcheck", "--admin", f"[::]:{admin}")
    assert (healthy.returncode, healthy.stdout) == (0, f"127.0.0.1:{admin}: ready\n"), healthy.stderr
    log = served.stop()
    assert "peer=127.0.0.1" in log
    assert "::ffff" not in log
