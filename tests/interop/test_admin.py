"""The admin port as others meet it: browsers, Prometheus, scripts with a token, and Unix sockets."""

import base64
import gzip
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from served import Served, on_loopback
from waiting import PATIENCE_S

pytestmark = pytest.mark.gateway

TOKEN = "0123456789abcdef0123456789abcdef"
NOBODY = 65534


@pytest.fixture(name="folder")
def folder_():
    """One that every user may enter, which a folder of pytest's is not."""
    path = tempfile.mkdtemp(prefix="zerogate-admin-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


def test_all_but_probes_need_the_token(binary, folder):
    file = os.path.join(folder, "token")
    with open(file, "w", encoding="ascii") as out:
        out.write(TOKEN + "\n")
    served = on_loopback(binary, admin_token_file=file)
    served.wait_until_ready()
    assert served.ask("GET", "/healthz")[0] == 200
    hint = f'-H "Authorization: Bearer $(cat {file})"'
    for path in ("/", "/metrics", "/config", "/clients", "/backends", "/status.json", "/status/status.js"):
        status, headers, body = served.ask("GET", path)
        assert (status, headers.get_all("WWW-Authenticate")[0]) == (401, "Bearer"), path
        assert body.decode() == f"refused: this needs the token: curl {hint}\n"
    for path in ("/log?level=warn", "/reload", "/drain"):
        status, headers, body = served.ask("POST", path)
        assert status == 401 and body.decode() == f"refused: this needs the token: curl -X POST {hint}\n"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert served.ask("GET", "/metrics", bearer)[0] == 200
    assert served.ask("POST", "/log?level=warn", bearer)[2] == b"info -> warn\n"
    for words in (("backends",), ("clients",), ("check", "--diff")):
        asks = (*words, "--admin", served.addresses["admin"])
        assert "refused: this needs the token" in served.command(*asks).stderr
        known = served.command(*asks, env={**os.environ, "ZEROGATE_ADMIN_TOKEN_FILE": file})
        assert (known.returncode, known.stderr) == (0, "")
    with open(file, "w", encoding="ascii") as out:
        out.write(TOKEN[::-1])
    assert served.ask("POST", "/reload", bearer)[0] == 401
    new = {"Authorization": f"Bearer {TOKEN[::-1]}"}
    assert TOKEN[::-1] not in served.ask("GET", "/config", new)[2].decode()
    served.stop()


def test_the_token_is_told_where_the_configuration_says_only(binary, folder):
    """Any process of this machine may say that it is the gateway of a file."""
    file = os.path.join(folder, "zerogate.yaml")

    def write(admin):
        with open(file, "w", encoding="ascii") as out:
            out.write(f"admin: {admin}\nadmin_token: {TOKEN}\nhandlers: [hello_world]\n")

    write("127.0.0.1:0")
    served = on_loopback(binary, config=file)
    write("127.0.0.1:1")
    elsewhere = served.command("check", "--diff", "--config", file)
    assert elsewhere.returncode == 1 and "refused: this needs the token" in elsewhere.stderr
    write(served.addresses["admin"])
    there = served.command("check", "--diff", "--config", file)
    assert there.returncode == 0 and "in force" in there.stdout
    served.stop()


def test_a_browser_sends_the_token_as_a_password(binary):
    served = on_loopback(binary, admin_token=TOKEN)
    assert 'Basic realm="' in served.ask("GET", "/")[1].get_all("WWW-Authenticate")[1]
    with_password = lambda text: {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
    for name in ("", "a", "ad", "adm"):  # every padding of base64
        assert served.ask("GET", "/metrics", with_password(f"{name}:{TOKEN}"))[0] == 200, name
    for wrong in (f"admin:{TOKEN}0", f"admin:{TOKEN[:-1]}", TOKEN, "admin:", ""):
        assert served.ask("GET", "/metrics", with_password(wrong))[0] == 401, wrong
    for broken in ("====", "a", "!" * 8, "A" * 8192):
        assert served.ask("GET", "/metrics", {"Authorization": "Basic " + broken})[0] in (401, 431), broken
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


def test_a_token_that_cannot_be_had_is_a_mistake_of_the_configuration(binary, folder):
    file = os.path.join(folder, "token")
    env = {**os.environ, "ZEROGATE_ADMIN_TOKEN_FILE": file}
    for word in ("check", "serve"):
        done = subprocess.run([binary, word], env=env, capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, "admin_token_file" in done.stderr) == (2, True), done


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


def test_unix_sockets_have_the_rights_that_were_asked_for(anybodys_binary, folder):
    path = lambda name: os.path.join(folder, name)
    variables = {
        "listen_tcp": "unix:" + path("tcp"),
        "listen_zmq": "ipc:" + path("zmq"),
        "admin": "unix:" + path("admin"),
        "listen_mode": "0666",
        "admin_mode": "0640",
        "admin_group": str(os.getgid()),
    }
    killed = Served(anybodys_binary, **variables)
    killed.kill()  # its sockets' files are stale now
    served = Served(anybodys_binary, **variables)
    mode = lambda name: os.stat(path(name)).st_mode & 0o777
    assert (mode("tcp"), mode("zmq"), mode("admin")) == (0o666, 0o666, 0o640)
    [start] = [line for line in served.lines if " event=start " in line]
    assert f" tcp=unix:{path('tcp')} zmq=ipc:{path('zmq')} " in start
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
