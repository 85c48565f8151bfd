"""TLS and mTLS with real peers: Python's ssl, openssl, HAProxy, and a second gateway."""

import asyncio
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading

import msgspec
import pytest
import yaml

from authority import Authority
from bridging import REQUESTS, all_up
from clients import KINDS
from own_port import own_port
from raw import HEADER, t3_frame, t3_payload
from scripted_backend import ScriptedTcp, silent
from test_log import events, post
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

HANDSHAKES = "zerogate_tls_handshakes_total"
GATEWAY = "URI:spiffe://prod/gateway,DNS:localhost,IP:127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("ca"))
    made.issue("server", "URI:spiffe://prod/server,DNS:localhost,IP:127.0.0.1")
    made.issue("client", GATEWAY)
    made.issue("other", "URI:spiffe://prod/other")
    made.issue("two", "URI:spiffe://prod/gateway,URI:spiffe://prod/other")
    made.issue("for_servers", GATEWAY, purposes="serverAuth")
    stranger = Authority(made.folder, "stranger")
    stranger.issue("foreign", GATEWAY)
    return made


def tls_keys(authority, name, **more):
    files = {"cert": authority.path(name + ".crt"), "key": authority.path(name + ".key")}
    return {**files, "ca": authority.crt, **more}


def listening(authority, **more):
    """A configuration with a TLS port that gateways alone may use, and the port."""
    port = own_port()
    allow = {"allow": ["spiffe://prod/gateway"], **more}
    config = {"listen": {"tls": f"127.0.0.1:{port}"}, "tls": tls_keys(authority, "server", **allow)}
    return port, config


def to(port, authority, pair="client", **more):
    """A configuration whose calls go to that port."""
    backend = {"url": f"tls://127.0.0.1:{port}", "tls": {**tls_keys(authority, pair), **more}}
    return {"backends": {"b": backend}, "routes": [{"functions": "*", "backend": "b"}]}


@pytest.fixture
def start(start_gateway, own_redis, tmp_path):
    """Starts a gateway with a configuration, in a file that a test may write again."""

    def start(config, name="gateway", environment=None):
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(config))
        gateway = start_gateway(
            own_redis.url(), ["--config", str(file)], {"ZEROGATE_LOG_LEVEL": "info", **(environment or {})}
        )
        gateway.file = file
        return gateway

    return start


def context_of(authority, name=None):
    context = ssl.create_default_context(cafile=authority.crt)
    context.check_hostname = False
    if name is not None:
        context.load_cert_chain(authority.path(name + ".crt"), authority.path(name + ".key"))
    return context


def ask(connection):
    """One call on a connected socket."""
    connection.sendall(t3_frame(7, t3_payload("hello_world")))
    return take(connection, int.from_bytes(take(connection, 4), "big"))


def take(connection, size):
    got = b""
    while len(got) < size:
        more = connection.recv(size - len(got))
        assert more, "the connection ended"
        got += more
    return got


def connect(port, context):
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    return context.wrap_socket(plain, server_hostname="localhost")


def refusals(gateway, result):
    return gateway.metrics().total(HANDSHAKES, side="listener", result=result)


def test_pythons_ssl_calls_over_tls(start, authority):
    port, config = listening(authority)
    gateway = start(config)
    with connect(port, context_of(authority, "client")) as connection:
        assert connection.version() == "TLSv1.3"
        assert connection.session is None or not connection.session.has_ticket
        assert ask(connection).endswith(b"hello world")
        metrics = gateway.metrics()
        assert metrics.total(HANDSHAKES, side="listener", result="ok") == 1
        assert metrics.total("zerogate_tls_connections", side="listener") == 1
    wait_until(
        lambda: gateway.metrics().total("zerogate_tls_connections", side="listener") == 0,
        PATIENCE_S,
        "the connection has gone",
    )


@pytest.mark.parametrize(
    "name, result",
    [
        (None, "no_certificate"),
        ("foreign", "untrusted"),
        ("other", "not_allowed"),
        ("two", "not_allowed"),
        ("for_servers", "untrusted"),
    ],
)
def test_a_peer_that_may_not_speak_is_refused_and_named(start, authority, name, result):
    port, config = listening(authority)
    gateway = start(config)
    # With TLS 1.3 a client hears of it at its first read.
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with connect(port, context_of(authority, name)) as connection:
            ask(connection)
    wait_until(lambda: refusals(gateway, result) == 1, PATIENCE_S, f"a handshake ended as {result}")
    [line] = wait_until(lambda: events(gateway, "TLS handshake refused"), PATIENCE_S, "a line in the log")
    assert line["reason"] == result
    assert line["peer"].startswith("127.0.0.1:")
    assert line["error"]


def client_hello():
    """The first bytes of a good handshake."""
    to_peer = ssl.MemoryBIO()
    handshake = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), to_peer, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        handshake.do_handshake()
    return to_peer.read()


def test_thousands_of_hostile_handshakes_end_and_calls_go_on(start, authority):
    """A quarter each is silent, stops within its first message, speaks HTTP, and sends garbage."""
    rounds, each = 8, 625  # as many as this process may open
    port, config = listening(authority, handshake_timeout="200ms")
    config["limits"] = {"handshakes": each + 1}
    gateway = start(config)
    hello = client_hello()
    first = [b"", hello[: len(hello) // 2], b"GET / HTTP/1.1\r\n\r\n", hello[:40] + bytes(len(hello))]
    ended = lambda: refusals(gateway, "protocol") + refusals(gateway, "timeout")
    with connect(port, context_of(authority, "client")) as caller:
        for number in range(1, rounds + 1):
            hostile = []
            for at in range(each):
                hostile.append(socket.create_connection(("127.0.0.1", port)))
                hostile[-1].sendall(first[at % len(first)])
            assert ask(caller).endswith(b"hello world")
            wait_until(lambda: ended() == number * each, PATIENCE_S, f"all {each} of round {number} have ended")
            for connection in hostile:
                connection.close()
        assert ask(caller).endswith(b"hello world")
    assert refusals(gateway, "timeout") >= rounds * each // 4


def test_silent_peers_keep_nobody_out(start, authority):
    port, config = listening(authority)
    config["limits"] = {"handshakes": 4}
    gateway = start(config)
    rejected = lambda: gateway.metrics().total("zerogate_connections_rejected_total", reason="handshakes")
    silent = []
    for number in range(6):
        silent.append(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
        wait_until(lambda: rejected() == max(0, number - 3), PATIENCE_S, "one too many takes a place")
    with connect(port, context_of(authority, "client")) as caller:
        assert ask(caller).endswith(b"hello world")
    assert rejected() == 3
    assert [connection.recv(1) for connection in silent[:3]] == [b""] * 3, "the oldest have made room"
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_real_clients_call_through_two_gateways(start, authority, clients, kind):
    port, config = listening(authority)
    far = start(config, "far")
    near = start(to(port, authority), "near")
    wait_until(all_up(near, 1), PATIENCE_S, "the far gateway is reached")
    client = clients.open(kind, near)
    assert await client.call("hello_world") == "hello world"
    big = {"blob": "x" * 3_000_000}
    assert await client.call("echo", big) == big
    assert far.metrics().total(HANDSHAKES, side="listener", result="ok") > 0
    assert near.metrics().total(HANDSHAKES, side="backend", result="ok") > 0


async def test_gateways_need_two_connections_for_many_calls(start, authority, clients):
    async with ScriptedTcp({"slow": silent}) as server:
        port, config = listening(authority)
        backends = {"slow": {"url": server.url, "in_flight": 100}}
        far = start({**config, "backends": backends, "routes": [{"functions": "slow", "backend": "slow"}]}, "far")
        await until(all_up(far, 1), PATIENCE_S, "the server is reached")
        near = start(to(port, authority), "near")
        count = lambda: near.metrics().total("zerogate_backend_connections")
        await until(lambda: count() == 2, PATIENCE_S, "two connections are up")
        client = clients.open("tcp", near, parallel=100)
        answers = [asyncio.create_task(client.call("slow", number)) for number in range(100)]
        await until(lambda: server.count("slow") == len(answers), PATIENCE_S, "all are under way at a time")
        for call in reversed(server.received):
            call.reply(call.data)
        assert await asyncio.gather(*answers) == list(range(100))
        assert count() == 2
        assert far.metrics().total("zerogate_tls_connections", side="listener") == 2


def test_an_intermediate_ca_is_trusted_without_its_root(start, authority, tmp_path):
    """By the gateway that is called, and by the one that calls it."""
    issuing = Authority(tmp_path, "issuing", issuer=authority)
    issuing.issue("server", GATEWAY)
    issuing.issue("client", GATEWAY)
    port, config = listening(issuing)
    start(config, "far")
    context = context_of(issuing, "client")
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with connect(port, context) as connection:
        assert ask(connection).endswith(b"hello world")
    near = start(to(port, issuing), "near")
    wait_until(all_up(near, 1), PATIENCE_S, "the far gateway is reached")
    with socket.create_connection(("127.0.0.1", near.tcp_port), timeout=PATIENCE_S) as connection:
        assert ask(connection).endswith(b"hello world")


@pytest.mark.parametrize("more, why", [({"name": "orders"}, "mismatch"), ({"allow": ["spiffe://prod/x"]}, "allowed")])
def test_a_backend_of_another_name_is_not_called(start, authority, more, why):
    port, config = listening(authority)
    start(config, "far")
    near = start(to(port, authority, **more), "near")
    [line] = wait_until(lambda: events(near, "endpoint down"), PATIENCE_S, "the endpoint is down")
    assert why in line["reason"] + line.get("error", ""), line
    assert near.metrics().total(HANDSHAKES, side="backend", result="not_allowed") > 0


def test_a_gateway_that_is_not_allowed_hears_why(start, authority):
    port, config = listening(authority)
    start(config, "far")
    near = start(to(port, authority, "other"), "near")
    wait_until(lambda: events(near, "endpoint down"), PATIENCE_S, "the endpoint is down")


def test_openssl_can_be_a_client(start, authority):
    port, config = listening(authority)
    start(config)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", authority.crt]
    command += ["-cert", authority.path("client.crt"), "-key", authority.path("client.key"), "-quiet"]
    command += ["-verify_return_error", "-ign_eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdin.write(t3_frame(7, t3_payload("hello_world")))
        client.stdin.flush()
        head = client.stdout.read(4)
        assert client.stdout.read(int.from_bytes(head, "big")).endswith(b"hello world")
        client.kill()


def answer_by_hand(server):
    """Zero's side of one connection, on the pipes of an `openssl s_server`: to each call its argument."""
    while head := server.stdout.read(HEADER.size):
        length, request_id, _ = HEADER.unpack(head)
        call = msgspec.msgpack.decode(server.stdout.read(length + 4 - len(head)))
        reply = "connected" if call["fn"] == "connect" else call["data"]
        server.stdin.write(t3_frame(request_id, msgspec.msgpack.encode(reply)))
        server.stdin.flush()


def test_openssl_can_be_a_server(start, authority):
    port = own_port()
    command = ["openssl", "s_server", "-accept", str(port), "-quiet", "-tls1_3", "-Verify", "1", "-verify_return_error"]
    command += ["-cert", authority.path("server.crt"), "-key", authority.path("server.key"), "-CAfile", authority.crt]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        answers = threading.Thread(target=answer_by_hand, args=(server,))
        answers.start()
        try:
            config = to(port, authority)
            config["backends"]["b"]["connections"] = 1  # it serves no more at a time
            near = start(config)
            wait_until(all_up(near, 1), PATIENCE_S, "openssl is reached")
            with socket.create_connection(("127.0.0.1", near.tcp_port), timeout=PATIENCE_S) as connection:
                connection.sendall(t3_frame(7, t3_payload("any", msgspec.msgpack.encode("hi"))))
                answer = take(connection, int.from_bytes(take(connection, 4), "big"))
            assert answer.endswith(msgspec.msgpack.encode("hi"))
        finally:
            server.kill()
            answers.join()


def test_openssl_refuses_an_older_version(start, authority):
    port, config = listening(authority)
    gateway = start(config)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode != 0
    wait_until(lambda: refusals(gateway, "protocol") == 1, PATIENCE_S, "TLS 1.2 is refused")


async def test_certificates_are_renewed_while_calls_go_on(start, clients, tmp_path):
    ca = Authority(tmp_path)
    ca.issue("server", "URI:spiffe://prod/server,IP:127.0.0.1")
    ca.issue("client", GATEWAY)
    port, config = listening(ca, watch="50ms")
    far = start(config, "far")
    near_config = {**to(port, ca), "tls": {"watch": "50ms"}}
    near = start(near_config, "near")
    wait_until(all_up(near, 1), PATIENCE_S, "the far gateway is reached")
    renewed = lambda gateway: gateway.metrics().total("zerogate_tls_reloads_total", result="ok")
    done = False

    async def call_all_the_time(client):
        calls = 0
        while not done:
            assert await client.call("hello_world", None) == "hello world"
            calls += 1
        return calls

    caller = asyncio.create_task(call_all_the_time(clients.open("tcp", near)))
    server = ("server", "URI:spiffe://prod/server,IP:127.0.0.1", far)
    for name, names, gateway in [server, ("client", GATEWAY, near)] * 25:
        before = renewed(gateway)
        await asyncio.to_thread(ca.issue, name, names)
        await until(lambda: renewed(gateway) > before, PATIENCE_S, f"{name} is renewed")
    refused = lambda: far.metrics().total("zerogate_tls_reloads_total", result="refused")
    before = refused()
    with open(ca.path("server.crt"), "w") as broken:
        broken.write("nonsense")
    await until(lambda: refused() > before, PATIENCE_S, "the broken file is refused")
    done = True
    assert await caller > 0
    for gateway in near, far:
        outcomes = gateway.metrics().select(REQUESTS, function="hello_world")
        assert {labels["outcome"] for labels, count in outcomes if count} == {"ok"}


def test_who_is_allowed_no_more_goes_after_a_reload(start, authority):
    port, config = listening(authority)
    gateway = start(config)
    with connect(port, context_of(authority, "client")) as connection:
        assert ask(connection).endswith(b"hello world")
        config["tls"]["allow"] = ["spiffe://prod/somebody-else"]
        gateway.file.write_text(yaml.safe_dump(config))
        assert post(gateway, "/reload")[0] == 200
        assert connection.recv(1) == b""
    rejected = gateway.metrics().total("zerogate_connections_rejected_total", reason="certificate")
    assert rejected == 1


def test_a_port_that_a_file_takes_out_keeps_its_certificates_until_the_restart(start, tmp_path):
    ca = Authority(tmp_path)
    names = "URI:spiffe://prod/server,DNS:localhost,IP:127.0.0.1"
    ca.issue("server", names)
    ca.issue("client", GATEWAY)
    port, config = listening(ca, watch="20ms")
    gateway = start(config)
    addresses = {"tcp": f"127.0.0.1:{gateway.tcp_port}", "zmq": f"127.0.0.1:{gateway.zmq_port}"}
    gateway.file.write_text(yaml.safe_dump({"listen": addresses}))
    status, answer = post(gateway, "/reload")
    assert status == 200
    assert "needs a restart: listen.tls,tls.cert,tls.key,tls.ca,tls.allow,tls.watch" in answer
    renewed = lambda: gateway.metrics().total("zerogate_tls_reloads_total", result="ok")
    before = renewed()
    ca.issue("server", names)
    wait_until(lambda: renewed() > before, PATIENCE_S, "the port has the new certificate")
    assert gateway.metrics().select("zerogate_tls_certificate_not_after_timestamp_seconds", use="listen.tls")
    with connect(port, context_of(ca, "client")) as connection:
        assert ask(connection).endswith(b"hello world")

def test_haproxy_speaks_tls_on_both_sides(start, authority, tmp_path):
    """client -> HAProxy -> mTLS -> gateway, and gateway -> mTLS -> HAProxy -> gateway."""
    assert shutil.which("haproxy"), "install the package haproxy"
    port, config = listening(authority)
    far = start(config, "far")
    plain, secure = own_port(), own_port()
    bundle = {}
    for name in ("client", "server"):
        bundle[name] = tmp_path / f"{name}.pem"
        bundle[name].write_text(open(authority.path(name + ".crt")).read() + open(authority.path(name + ".key")).read())
    settings = f"""
listen to_gateway
  bind 127.0.0.1:{plain}
  server far 127.0.0.1:{port} ssl verify required ca-file {authority.crt} crt {bundle['client']}
listen from_gateway
  bind 127.0.0.1:{secure} ssl crt {bundle['server']} ca-file {authority.crt} verify required
  server far 127.0.0.1:{far.tcp_port}
"""
    with haproxy(tmp_path, settings, plain, secure):
        with socket.create_connection(("127.0.0.1", plain), timeout=PATIENCE_S) as connection:
            assert ask(connection).endswith(b"hello world")
        near = start(to(secure, authority), "near")
        wait_until(all_up(near, 1), PATIENCE_S, "HAProxy is reached")
        with socket.create_connection(("127.0.0.1", near.tcp_port), timeout=PATIENCE_S) as connection:
            assert ask(connection).endswith(b"hello world")


def test_names_behind_one_address_are_servers_of_their_own(start, authority, tmp_path):
    """HAProxy sends a connection on by the name in its ClientHello: `localhost` here, none of who
    wants an address there. Each server's certificate has its own name only."""
    authority.issue("by_name", "DNS:localhost")
    authority.issue("by_address", "IP:127.0.0.1")
    servers, ports = {}, {}
    for name in ("by_name", "by_address"):
        ports[name], config = listening(authority)
        config["tls"] |= {"cert": authority.path(name + ".crt"), "key": authority.path(name + ".key")}
        servers[name] = start(config, name)
    router = own_port()
    settings = f"""
listen router
  bind 127.0.0.1:{router}
  tcp-request inspect-delay 5s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  use-server by_name if {{ req.ssl_sni localhost }}
  use-server by_address unless {{ req.ssl_sni localhost }}
  server by_name 127.0.0.1:{ports["by_name"]}
  server by_address 127.0.0.1:{ports["by_address"]}
"""
    address = f"127.0.0.1:{router}"
    both = [f"localhost@{address}", f"127.0.0.1@{address}"]
    config = to(router, authority)
    config["backends"]["b"]["url"] = [f"tls://localhost:{router}", f"tls://{address}"]

    def up(near):
        return sorted(labels["endpoint"] for labels, value in near.metrics().select("zerogate_backend_up") if value)

    with haproxy(tmp_path, settings, router):
        near = start(config, "near")
        wait_until(lambda: up(near) == sorted(both), PATIENCE_S, "both are reached")
        with socket.create_connection(("127.0.0.1", near.tcp_port), timeout=PATIENCE_S) as connection:
            for _ in range(40):
                assert ask(connection).endswith(b"hello world")
            assert all(server.metrics().total(REQUESTS, function="hello_world") > 0 for server in servers.values())
            status, text = post(near, f"/backends?action=drain&backend=b&endpoint={address}")
            assert status == 200 and all(endpoint in text for endpoint in both), text
            wait_until(lambda: up(near) == [], PATIENCE_S, "both are drained")
            assert post(near, f"/backends?action=enable&backend=b&endpoint={address}")[0] == 200
            wait_until(lambda: up(near) == sorted(both), PATIENCE_S, "both are reached again")
            servers["by_name"].terminate()
            wait_until(lambda: up(near) == both[1:], PATIENCE_S, "one is left")
            for _ in range(40):
                assert ask(connection).endswith(b"hello world")


def test_bench_puts_load_on_a_tls_port(start, authority, request):
    port, config = listening(authority)
    start(config)
    command = [request.config.getoption("--zerogate"), "bench", f"tls://127.0.0.1:{port}", "hello_world", "--json"]
    command += ["--duration", "200ms", "--warmup", "0s", "--expect", '"hello world"', "--ca", authority.crt]
    command += ["--cert", authority.path("client.crt"), "--key", authority.path("client.key")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["requests"] > 0


@contextlib.contextmanager
def haproxy(folder, settings, *ports):
    """HAProxy with these `listen` sections, which are on these ports."""
    defaults = "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"
    file = folder / "haproxy.cfg"
    file.write_text(defaults + settings)
    command = ["haproxy", "-db", "-f", str(file)]
    proxy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: all(is_open(port) for port in ports), PATIENCE_S, "HAProxy listens")
        yield
    finally:
        proxy.terminate()
        proxy.wait()


def is_open(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
