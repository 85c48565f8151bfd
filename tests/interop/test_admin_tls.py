"""The admin port by HTTPS: Python's ssl and openssl as its clients, the gateway's own commands, files
that change, and peers that say nothing."""

import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from authority import Authority
from gateway import in_container
from served import on_loopback
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.gateway

TOKEN = "0123456789abcdef0123456789abcdef"
RELOADS = re.compile(r'^zerogate_tls_reloads_total\{result="(\w+)"\} (\d+)', re.M)


class Site:
    """A gateway whose admin port has the pair in `crt` and `key`, issued for localhost."""

    def __init__(self, binary, folder, **more):
        self.authority = Authority(folder)
        self.crt, self.key = self.authority.path("admin.crt"), self.authority.path("admin.key")
        self.show("first")
        self.files = {"admin_tls_cert": self.crt, "admin_tls_key": self.key}
        self.token = {"admin_token": TOKEN}
        self.gateway = on_loopback(binary, tls_watch="100ms", **self.files, **self.token, **more)
        self.tls = ssl.create_default_context(cafile=self.authority.crt)
        self.gateway.wait_until_ready(self.tls)

    def show(self, name):
        """Issues another pair, and puts it where the gateway looks."""
        for made, place in zip(self.authority.issue(name, "DNS:localhost,IP:127.0.0.1"), (self.crt, self.key)):
            shutil.copy(made, place + ".new")
            os.replace(place + ".new", place)

    def get(self, path, tls=None):
        return self.gateway.ask("GET", path, {"Authorization": f"Bearer {TOKEN}"}, tls or self.tls)

    def reloads(self):
        return {result: int(count) for result, count in RELOADS.findall(self.get("/metrics")[2].decode())}

    def name_shown(self):
        with socket.create_connection(self.gateway.admin, PATIENCE_S) as peer:
            with self.tls.wrap_socket(peer, server_hostname="localhost") as session:
                return dict(pair for [pair] in session.getpeercert()["subject"])["commonName"]

    def variables(self, **more):
        values = {"admin": "%s:%d" % self.gateway.admin, **self.files, **self.token, **more}
        return {**os.environ, **{f"ZEROGATE_{key.upper()}": value for key, value in values.items()}}

    def command(self, *words, **more):
        done = self.gateway.command(*words, env=self.variables(**more))
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(name="site")
def site_(binary, tmp_path):
    site = Site(binary, tmp_path)
    yield site
    site.gateway.stop()


def test_every_page_is_there(site):
    for path in ("/", "/metrics", "/readyz", "/config", "/clients", "/status.json"):
        assert site.get(path)[0] == 200, path
    assert site.gateway.ask("GET", "/readyz", tls=site.tls)[0] == 200  # a probe needs no token
    assert site.gateway.ask("GET", "/metrics", tls=site.tls)[0] == 401
    metrics = site.get("/metrics")[2].decode()
    assert 'zerogate_tls_certificate_not_after_timestamp_seconds{use="admin"}' in metrics


def test_nothing_is_told_without_tls(site):
    for said in (b"GET /readyz HTTP/1.0\r\n\r\n", b"\x16\x03\x01\xff\xff", bytes(512)):
        with socket.create_connection(site.gateway.admin, PATIENCE_S) as peer:
            try:
                peer.sendall(said)
                peer.shutdown(socket.SHUT_WR)
                assert b"HTTP" not in peer.recv(4096)
            except OSError:
                pass  # it has been let go already
    assert site.get("/readyz")[0] == 200


@pytest.mark.parametrize("least, taken", [("1.3", False), ("1.2", True)])
def test_the_versions_are_those_of_the_configuration(binary, tmp_path, least, taken):
    site = Site(binary, tmp_path, tls_min_version=least)
    host, port = site.gateway.admin
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", site.authority.crt, "-tls1_2"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode == 0) == taken, done.stderr
    assert site.get("/readyz")[0] == 200  # by TLS 1.3
    site.gateway.stop()


def test_no_keys_are_agreed_on_over_finite_fields(site):
    """One of 8192 bits would cost the port's own thread 400 ms for each handshake."""
    command = ["openssl", "s_client", "-connect", "%s:%d" % site.gateway.admin, "-groups"]
    for groups, taken in (("ffdhe2048", False), ("ffdhe8192", False), ("ffdhe8192:P-384", True)):
        done = subprocess.run([*command, groups], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False)
        assert (done.returncode == 0) == taken, (groups, done.stderr)


def test_the_commands_ask_by_https(site):
    for words in (("healthcheck",), ("clients",), ("backends",)):
        status, _, err = site.command(*words)
        assert (status, err) == (0, ""), words
    status, out, err = site.command("check", "--diff", "--admin", "%s:%d" % site.gateway.admin)
    assert (status, err) == (0, "") and "in force" in out


def test_a_health_check_finds_it_where_it_runs(binary, tmp_path):
    file = tmp_path / "zerogate.yaml"
    file.write_text("admin: 127.0.0.1:0\n")
    site = Site(binary, tmp_path, config=str(file))
    file.write_text("admin: 127.0.0.1:1\n")  # where no gateway is, and without TLS
    environment = {**os.environ, "ZEROGATE_CONFIG": str(file)}
    done = site.gateway.command("healthcheck", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    site.gateway.stop()


def test_the_token_is_told_to_the_gateway_only(site, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    crt, key = Authority(other).issue("admin", "IP:127.0.0.1")
    status, _, err = site.command("backends", admin_tls_cert=crt, admin_tls_key=key)
    assert status == 1 and "it shows another certificate than the one of admin_tls.cert" in err
    assert site.command("healthcheck", admin_tls_cert=crt, admin_tls_key=key)[0] == 0  # it tells nothing


def test_a_command_says_when_only_one_side_speaks_tls(binary, site):
    if not in_container():
        status, _, err = site.command("healthcheck", admin_tls_cert="", admin_tls_key="")
        assert status == 1 and err.count("\n") == 1
    for command in ("healthcheck", "clients", "backends"):
        status, _, err = site.command(command, "--admin", site.gateway.addresses["admin"], admin_tls_cert="", admin_tls_key="")
        assert (status, err.count("\n")) == (1, 1)
        assert "it speaks TLS; name the gateway's file with --config" in err
    plain = on_loopback(binary)
    status, _, err = site.command("healthcheck", admin=plain.addresses["admin"])
    assert status == 1 and "speaks no TLS; is admin_tls in force there?" in err
    plain.stop()


def test_renewed_files_are_shown_and_broken_ones_are_not(site):
    assert site.name_shown() == "first"
    for count in range(1, 4):
        site.show(f"next{count}")
        wait_until(lambda: site.reloads()["ok"] == count, PATIENCE_S, "they are taken over")
        assert site.name_shown() == f"next{count}"
    with open(site.crt, "w", encoding="ascii") as out:
        out.write("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    wait_until(lambda: site.reloads()["refused"] == 1, PATIENCE_S, "they are refused")
    assert site.name_shown() == "next3"
    site.show("last")
    wait_until(lambda: site.name_shown() == "last", PATIENCE_S, "good ones are taken again")


def test_silent_peers_delay_nobody_and_go(site):
    peers = [socket.create_connection(site.gateway.admin) for _ in range(400)]
    hello = bytes.fromhex("1603010200010001fc0303")  # the beginning of a handshake
    for peer in peers[::2]:
        try:
            peer.sendall(hello)
        except ConnectionError:
            pass  # it had to make room already
    assert site.get("/readyz")[0] == 200
    for peer in peers:
        peer.settimeout(PATIENCE_S)
        try:
            while peer.recv(4096):
                pass
        except ConnectionError:
            pass
        peer.close()


def test_another_key_than_the_certificates_does_not_start(binary, tmp_path):
    authority = Authority(tmp_path)
    crt, _ = authority.issue("a", "IP:127.0.0.1")
    _, key = authority.issue("b", "IP:127.0.0.1")
    environment = {**os.environ, "ZEROGATE_ADMIN_TLS_CERT": crt, "ZEROGATE_ADMIN_TLS_KEY": key}
    done = subprocess.run([binary, "check"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2 and done.stderr.startswith("ZEROGATE_ADMIN_TLS_KEY: ")
    assert "is not the key of the certificate" in done.stderr
