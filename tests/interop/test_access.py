"""Who may connect: listen.allow, on both protocols."""

import asyncio
import json
import os
import signal
import socket
import struct

import pytest
import zmq

from authority import Authority
from raw import CONNECTED, ID_BYTES, t3_frame, t3_payload, w5_request
from test_tls import connect, context_of, listening
from waiting import PATIENCE_S, until, wait_until

pytestmark = pytest.mark.gateway

REJECTED = "zerogate_connections_rejected_total"
GUEST, STRANGER = "127.0.0.2", "127.0.0.3"  # both are this machine's, as all of 127.0.0.0/8
ID = b"0" * ID_BYTES


@pytest.fixture
def guarded(start_gateway, redis):
    return start_gateway(redis.url(), environment={"ZEROGATE_LISTEN_ALLOW": f"10.0.0.0/8, {GUEST}"})


def rejected(gateway, protocol):
    return gateway.metrics().total(REJECTED, protocol=protocol, reason="not_allowed")


def refusals(gateway):
    return gateway.told("reason=not_allowed")


def dial_zmq(context, port, source):
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(f"tcp://{source}:0;127.0.0.1:{port}")
    dealer.send(w5_request(ID, "connect"))
    return dealer


def test_tcp_peers_are_judged_by_their_address(guarded):
    with socket.create_connection(("127.0.0.1", guarded.tcp_port), source_address=(GUEST, 0)) as guest:
        guest.sendall(t3_frame(7, t3_payload("connect")))
        assert guest.recv(100).endswith(CONNECTED)
        port = guarded.tcp_port
        with socket.create_connection(("127.0.0.1", port), source_address=(STRANGER, 0)) as stranger:
            stranger.settimeout(PATIENCE_S)
            assert stranger.recv(1) == b""
        wait_until(lambda: rejected(guarded, "tcp") == 1, PATIENCE_S, "it is counted")
        guest.sendall(t3_frame(8, t3_payload("connect")))
        assert guest.recv(100).endswith(CONNECTED), "a refused one does the others no harm"
    [line] = refusals(guarded)
    assert 'event="connection rejected" protocol=tcp' in line and f"peer={STRANGER}:" in line


def test_whoever_resets_his_connection_is_judged_too(guarded):
    """The kernel forgets the address of such a peer, and still has what it sent."""
    port, reset = guarded.tcp_port, struct.pack("ii", 1, 0)
    os.kill(guarded.pid, signal.SIGSTOP)  # they are gone before they are accepted
    for number in range(20):
        stranger = socket.create_connection(("127.0.0.1", port), source_address=(STRANGER, 0))
        stranger.sendall(t3_frame(number, t3_payload("hello_world")))
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        stranger.close()
    os.kill(guarded.pid, signal.SIGCONT)
    with socket.create_connection(("127.0.0.1", port), source_address=(GUEST, 0)) as guest:
        guest.sendall(t3_frame(7, t3_payload("connect")))
        assert guest.recv(100).endswith(CONNECTED), "accepted behind all of them"
    assert guarded.metrics().total("zerogate_requests_total", function="hello_world") == 0


def test_tls_peers_are_judged_before_their_handshake(start_gateway, redis, tmp_path):
    authority = Authority(tmp_path)
    authority.issue("server", "DNS:localhost")
    authority.issue("client", "URI:spiffe://prod/gateway")
    port, config = listening(authority)
    config["listen"]["allow"] = [GUEST]
    file = tmp_path / "zerogate.yaml"
    file.write_text(json.dumps(config))
    gateway = start_gateway(redis.url(), ["--config", str(file)])
    with pytest.raises(OSError):
        connect(port, context_of(authority, "client"))
    wait_until(lambda: rejected(gateway, "tcp") == 1, PATIENCE_S, "it is counted")
    handshakes = gateway.metrics().select("zerogate_tls_handshakes_total", side="listener")
    assert sum(value for _, value in handshakes) == 0


def test_zmq_peers_are_judged_by_their_address(guarded):
    with zmq.Context() as context:
        stranger = dial_zmq(context, guarded.zmq_port, STRANGER)
        wait_until(lambda: rejected(guarded, "zmq") >= 1, PATIENCE_S, "it is counted")
        with dial_zmq(context, guarded.zmq_port, GUEST) as guest:
            assert guest.poll(1000 * PATIENCE_S) and guest.recv() == ID + CONNECTED
        assert not stranger.poll(0), "nothing of its call was served"
        stranger.close()
        metrics = guarded.metrics()
        assert metrics.total("zerogate_malformed_total", protocol="zmq") == 0, "it is no ill peer"
    assert f"peer={STRANGER}" in refusals(guarded)[0]


async def test_real_clients_of_other_addresses_get_no_answer(guarded, clients):
    tcp = clients.open("tcp", guarded, timeout_ms=500)
    with pytest.raises(Exception):
        await tcp.call("hello_world")
    await until(lambda: rejected(guarded, "tcp") >= 1, PATIENCE_S, "it is counted")
    over_zmq = clients.open("zmq_async", guarded, timeout_ms=500)
    with pytest.raises(Exception):
        await over_zmq.call("hello_world")
    await until(lambda: rejected(guarded, "zmq") >= 1, PATIENCE_S, "it is counted")
    assert guarded.metrics().total("zerogate_requests_total", outcome="ok") == 0


async def test_real_clients_of_allowed_addresses_call(start_gateway, redis, clients, kind):
    allowed = {"ZEROGATE_LISTEN_ALLOW": "127.0.0.0/8"}
    gateway = await asyncio.to_thread(start_gateway, redis.url(), (), allowed)
    assert await clients.open(kind, gateway).call("hello_world") == "hello world"
