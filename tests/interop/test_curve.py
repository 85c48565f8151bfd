"""listen.zmq_curve: real clients with keys, and those without the right ones. Keys are made by
`zerogate keys curve`, by pyzmq, and set as the command says."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import types

import pytest
import pytest_asyncio
import zmq
import zmq.asyncio
import zmq.auth

from raw import CONNECTED, GREETING, ID_BYTES, w5_request
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

KINDS = ("zmq_async", "zmq_sync")
HANDSHAKES = "zerogate_curve_handshakes_total"
REJECTED = "zerogate_connections_rejected_total"
CURVE_GREETING = GREETING.replace(b"NULL".ljust(20, b"\0"), b"CURVE".ljust(20, b"\0"))
ID = b"0" * ID_BYTES
CONTEXTS = (zmq.Context.instance, zmq.asyncio.Context.instance)


class Keys:
    """A folder with the gateway's keys, those of clients, and the folder of welcome ones."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.clients = folder / "clients"
        self.clients.mkdir()
        self.make("gateway")

    def make(self, name):
        """A pair by our own command. What it printed."""
        command = [self.binary, "keys", "curve", name]
        made = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True)
        return made.stdout

    def welcome(self, name):
        certificate = self.folder / f"{name}.key"
        (self.clients / certificate.name).write_bytes(certificate.read_bytes())

    def public(self, name):
        return zmq.auth.load_certificate(self.folder / f"{name}.key")[0]

    def dial(self, context, port, name, server="gateway"):
        """A DEALER with the keys of this name."""
        dealer = self.dealer(context, name, server)
        dealer.connect(f"tcp://127.0.0.1:{port}")
        return dealer

    def dealer(self, context, name, server="gateway"):
        """The same, not connected yet."""
        dealer = context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        secret = self.folder / f"{name}.key_secret"
        dealer.curve_publickey, dealer.curve_secretkey = zmq.auth.load_certificate(secret)
        dealer.curve_serverkey = self.public(server)
        return dealer

    def config(self, **more):
        curve = {"secret_key": str(self.folder / "gateway.key_secret"), "clients": str(self.clients)}
        return {"listen": {"zmq_curve": "127.0.0.1:0"}, "curve": {**curve, **more}}


@pytest.fixture
def keys(binary, tmp_path):
    return Keys(binary, tmp_path)


@pytest.fixture
def contexts_without_keys():
    """What a test sets in the contexts of zeroapi's clients is gone after it."""
    yield
    for instance in CONTEXTS:
        instance().sockopts.clear()


@pytest_asyncio.fixture
async def start(start_gateway, redis, keys, tmp_path):
    """A gateway with a CURVE port, `curve_port`, and a file that may be changed."""

    async def begin(config=None, **more):
        file = tmp_path / "zerogate.yaml"
        file.write_text(json.dumps({**(config or keys.config()), **more}))
        gateway = await asyncio.to_thread(start_gateway, redis.url(), ["--config", str(file)])
        [line] = [line for line in gateway.lines if "protocol=zmq_curve" in line]
        gateway.curve_port = int(re.search(r"address=127\.0\.0\.1:(\d+)", line)[1])
        gateway.file = file
        return gateway

    return begin


def handshakes(gateway, result):
    return gateway.metrics().total(HANDSHAKES, result=result)


async def come_without_a_key(gateway):
    """It is let go, and counted. By hand: libzmq's own client may see that it is unwelcome, and go
    for good, before it has said a word."""
    with socket.create_connection(("127.0.0.1", gateway.curve_port), PATIENCE_S) as peer:
        peer.sendall(GREETING)
        while peer.recv(4096):
            pass
    await until(lambda: handshakes(gateway, "protocol") == 1, PATIENCE_S, "it is counted")


async def reload(gateway):
    before = gateway.log.count("event=reloaded")
    os.kill(gateway.pid, signal.SIGHUP)
    await until(lambda: gateway.log.count("event=reloaded") > before, PATIENCE_S, "it is reloaded")


async def call(dealer, function="hello_world"):
    await dealer.send(w5_request(ID, function))
    return await asyncio.wait_for(dealer.recv(), PATIENCE_S)


@pytest.mark.parametrize("kind", KINDS)
async def test_real_clients_call_with_the_lines_that_the_command_prints(
    start, keys, clients, kind, contexts_without_keys, monkeypatch
):
    printed = keys.make("alice")
    keys.welcome("alice")
    gateway = await start(log={"access": "all"})
    lines = printed[printed.index("public, secret") :]
    monkeypatch.chdir(keys.folder)
    exec(lines, {"zmq": zmq})
    client = clients.open(kind, types.SimpleNamespace(zmq_port=gateway.curve_port))
    assert await client.call("hello_world") == "hello world"
    assert handshakes(gateway, "ok") == 1
    found = lambda: [line for line in gateway.lines if "function=hello_world" in line]
    await until(found, PATIENCE_S, "the access log has it")
    assert "caller=alice" in found()[0]


async def test_pyzmqs_own_certificates_are_read(start, keys):
    for number in range(200):
        zmq.auth.create_certificates(keys.folder, "bob")
        if b"#" in keys.public("bob"):
            break
    assert b"#" in keys.public("bob"), "one of ten keys has it"
    keys.welcome("bob")
    gateway = await start()
    with zmq.asyncio.Context() as context:
        with keys.dial(context, gateway.curve_port, "bob") as dealer:
            assert await call(dealer, "connect") == ID + CONNECTED


async def test_without_the_right_keys_there_is_no_answer(start, keys):
    for name in ("alice", "mallory", "elsewhere"):
        keys.make(name)
    keys.welcome("alice")
    gateway = await start()
    refused = [("mallory", "gateway", "not_allowed"), ("alice", "elsewhere", "protocol")]
    with zmq.asyncio.Context() as context:
        for name, server, result in refused:
            before = handshakes(gateway, result)
            with keys.dial(context, gateway.curve_port, name, server) as dealer:
                await dealer.send(w5_request(ID, "hello_world"))
                counted = lambda: handshakes(gateway, result) > before
                await until(counted, PATIENCE_S, f"{name} to {server} is {result}")
                assert not await dealer.poll(0)
        with keys.dial(context, gateway.curve_port, "alice") as dealer:
            assert b"hello world" in await call(dealer)
    metrics = gateway.metrics()
    assert metrics.total(REJECTED, protocol="zmq", reason="not_allowed") >= 1
    assert metrics.total("zerogate_requests_total", outcome="ok", function="hello_world") == 1
    assert gateway.told("reason=not_allowed", "peer=127.0.0.1")


async def test_a_peer_without_a_key_is_let_go(start):
    await come_without_a_key(await start())


async def test_peers_without_a_key_keep_no_client_out(start, keys):
    for name in ("alice", "bob", "mallory"):
        keys.make(name)
        keys.welcome(name)
    gateway = await start(limits={"connections": 4}, threads=1)
    made_room = lambda: gateway.metrics().total(REJECTED, protocol="zmq", reason="handshakes")
    connect = lambda: socket.create_connection(("127.0.0.1", gateway.curve_port), PATIENCE_S)
    with zmq.asyncio.Context() as context, contextlib.ExitStack() as peers:
        alice = keys.dial(context, gateway.curve_port, "alice")
        assert b"hello world" in await call(alice)
        for said in (b"", GREETING[:10], CURVE_GREETING) * 10:
            peers.enter_context(connect()).sendall(said)
        await until(lambda: made_room() >= 20, PATIENCE_S, "older ones make room for newer ones")
        bob = keys.dial(context, gateway.curve_port, "bob")
        assert b"hello world" in await call(bob)
        assert b"hello world" in await call(alice), "who has a key keeps the place"
        alice.close()
        bob.close()
    assert not handshakes(gateway, "protocol"), "they were ended before their time"


async def test_clients_that_leave_after_their_handshake_are_not_ill(start, keys):
    """libzmq does not tell whose handshake is done. One of another connection is under way."""
    gateway = await start(keys.config(clients="any"))
    keys.make("client")
    context = zmq.Context()
    with socket.create_connection(("127.0.0.1", gateway.curve_port), PATIENCE_S) as other:
        other.sendall(CURVE_GREETING)
        assert other.recv(1)
        for _ in range(50):
            dealer = keys.dealer(context, "client")
            monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            dealer.connect(f"tcp://127.0.0.1:{gateway.curve_port}")
            assert await asyncio.to_thread(monitor.poll, PATIENCE_S * 1_000)
            dealer.disable_monitor()
            dealer.close()
        here = lambda: gateway.metrics().total("zerogate_connections", protocol="zmq")
        await until(lambda: here() == 1, PATIENCE_S, "all of them have left")
    assert handshakes(gateway, "ok") == 50
    assert handshakes(gateway, "protocol") == 0
    assert gateway.metrics().total("zerogate_malformed_total", reason="bad_handshake") == 0
    context.destroy(linger=0)


async def test_a_key_that_a_reload_removes_gets_errors_and_may_come_back(start, keys):
    for name in ("alice", "bob"):
        keys.make(name)
        keys.welcome(name)
    gateway = await start()
    with zmq.asyncio.Context() as context:
        alice = keys.dial(context, gateway.curve_port, "alice")
        bob = keys.dial(context, gateway.curve_port, "bob")
        assert b"hello world" in await call(alice) and b"hello world" in await call(bob)
        (keys.clients / "alice.key").unlink()
        await reload(gateway)
        for _ in range(3):
            assert b"the key of alice is not allowed any more" in await call(alice)
        assert b"hello world" in await call(bob)
        with keys.dial(context, gateway.curve_port, "alice") as again:
            await again.send(w5_request(ID, "hello_world"))
            refused = lambda: handshakes(gateway, "not_allowed") >= 1
            await until(refused, PATIENCE_S, "a new connection is refused")
        keys.welcome("alice")
        await reload(gateway)
        assert b"hello world" in await call(alice)
        alice.close()
        bob.close()
    metrics = gateway.metrics()
    assert metrics.total("zerogate_requests_total", outcome="invalid", function="hello_world") == 3


async def test_a_new_key_under_an_old_name_ends_the_old_one(start, keys):
    keys.make("alice")
    keys.welcome("alice")
    gateway = await start()
    with zmq.asyncio.Context() as context:
        with keys.dial(context, gateway.curve_port, "alice") as alice:
            assert b"hello world" in await call(alice)
            keys.make("other")
            (keys.clients / "alice.key").write_bytes((keys.folder / "other.key").read_bytes())
            await reload(gateway)
            assert b"not allowed any more" in await call(alice)


async def test_any_key_may_call_when_the_configuration_says_so(start, keys):
    keys.make("alice")
    gateway = await start(keys.config(clients="any"))
    with zmq.asyncio.Context() as context:
        with keys.dial(context, gateway.curve_port, "alice") as dealer:
            assert b"hello world" in await call(dealer)
    await come_without_a_key(gateway)


async def test_a_rate_limit_is_for_each_key(start, keys):
    for name in ("alice", "bob"):
        keys.make(name)
        keys.welcome(name)
    gateway = await start(rate_limits=[{"functions": "*", "rate": "2/h", "burst": 2}])
    with zmq.asyncio.Context() as context:
        for name in ("alice", "bob"):
            with keys.dial(context, gateway.curve_port, name) as dealer:
                answers = [await call(dealer) for _ in range(3)]
            assert [b"over the rate limit" in answer for answer in answers] == [False, False, True]
            assert f"caller {name};".encode() in answers[2]


async def test_the_plain_port_goes_on_beside_it(start, keys, clients):
    gateway = await start()
    assert await clients.open("zmq_async", gateway).call("hello_world") == "hello world"
    assert await clients.open("tcp", gateway).call("hello_world") == "hello world"


async def test_a_backend_is_reached_with_keys(start, keys, start_gateway, redis, clients, tmp_path):
    keys.make("front")
    keys.welcome("front")
    behind = await start()
    curve = {"server_key": str(keys.folder / "gateway.key"),
             "secret_key": str(keys.folder / "front.key_secret")}  # fmt: skip
    backend = {"url": f"zmq://127.0.0.1:{behind.curve_port}", "curve": curve}
    file = tmp_path / "front.yaml"
    routes = [{"functions": "*", "backend": "behind"}]
    file.write_text(json.dumps({"backends": {"behind": backend}, "routes": routes}))
    front = await asyncio.to_thread(start_gateway, redis.url(), ["--config", str(file)])
    for kind in ("tcp", "zmq_async"):
        assert await clients.open(kind, front).call("hello_world") == "hello world"
    metrics = behind.metrics()
    assert metrics.total("zerogate_requests_total", function="hello_world", outcome="ok") == 2
    assert handshakes(behind, "ok") >= 1


def test_the_command_makes_a_pair_that_only_its_owner_can_read(keys, binary):
    keys.make("alice")
    modes = [stat.S_IMODE((keys.folder / f"alice{end}").stat().st_mode) for end in (".key", ".key_secret")]
    assert modes == [0o644, 0o600]
    public, secret = zmq.auth.load_certificate(keys.folder / "alice.key_secret")
    assert public == keys.public("alice") == zmq.curve_public(secret)
    command = [binary, "keys", "curve", "alice"]
    again = subprocess.run(command, cwd=keys.folder, capture_output=True, text=True)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert again.stderr.startswith("zerogate keys: "), again.stderr
    assert keys.public("alice") == public, "what was there is there"


def check(binary, file, config):
    file.write_text(json.dumps(config, indent=1))
    checked = subprocess.run([binary, "check", "--config", str(file)], capture_output=True, text=True)
    return checked.returncode, checked.stdout + checked.stderr


def test_check_says_which_file_is_wrong_and_what_would_fix_it(binary, keys, tmp_path):
    file = tmp_path / "checked.yaml"
    keys.make("alice")
    secret, public = keys.folder / "gateway.key_secret", keys.folder / "gateway.key"
    assert check(binary, file, keys.config())[0] == 0

    def fails(config, *words):
        status, said = check(binary, file, config)
        assert status == 2 and len(said.splitlines()) == 1, said
        assert said.startswith(f"{file}:"), said
        assert all(word in said for word in words), said

    listen = {"listen": {"zmq_curve": "127.0.0.1:0"}}
    fails({**listen, "curve": {"clients": "any"}}, "curve.secret_key", "zerogate keys curve")
    fails({**listen, "curve": {"secret_key": str(secret)}}, "curve.clients", "any")
    fails(keys.config(secret_key=str(public)), "has a public key only", "NAME.key_secret")
    fails(keys.config(secret_key="/dev/null"), "is a device", "zerogate keys curve")
    (tmp_path / "empty").touch()
    fails(keys.config(secret_key=str(tmp_path / "empty")), "no public-key and no secret-key")
    fails(keys.config(clients=str(tmp_path / "nowhere")), "nowhere", "No such file")
    secret.chmod(0o644)
    fails(keys.config(), "can be read by every user", "chmod")
    secret.chmod(0o600)
    (keys.clients / "alice.txt").write_bytes((keys.folder / "alice.key_secret").read_bytes())
    fails(keys.config(), "has a secret key, which is its client's alone")
    (keys.clients / "alice.txt").write_text("hello")
    fails(keys.config(), "alice.txt", "is no certificate")
    (keys.clients / "alice.txt").unlink()
    mixed = secret.read_text().replace(zmq.auth.load_certificate(secret)[0].decode(), keys.public("alice").decode())
    secret.write_text(mixed)
    fails(keys.config(), "its public key is not that of its secret key")


def test_a_reload_with_a_broken_folder_is_refused(start_gateway, redis, keys, tmp_path):
    keys.make("alice")
    keys.welcome("alice")
    file = tmp_path / "zerogate.yaml"
    file.write_text(json.dumps(keys.config()))
    gateway = start_gateway(redis.url(), ["--config", str(file)])
    (keys.clients / "alice.key").write_text("gone wrong")
    os.kill(gateway.pid, signal.SIGHUP)
    refused = lambda: 'event="reload refused"' in gateway.log
    wait_until(refused, PATIENCE_S, "it is refused")
