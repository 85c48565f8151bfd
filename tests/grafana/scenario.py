"""An hour in the life of a gateway, in short: mixed load by real clients of several releases, wrong
calls, hostile peers, a backend that dies and comes back, a queue that fills, Redis that goes away.
Everything that is called is counted here too: Prometheus' figures can be held against that."""

import asyncio
import collections
import contextlib
import json
import math
import random
import re
import socket
import ssl
import struct
import subprocess
import time

import msgspec
import zmq
import zmq.auth
from zero.error import MethodNotFoundException, RemoteException, ValidationException

from authority import Authority
from bridge_backend import Backend
from bridge_load import connects
from clients import Clients
from gateway import Gateway
from old_releases import CLIENT, RELEASES, make_environment
from prometheus_server import Prometheus
from raw import TcpConnection, t3_frame, t3_payload
from redis_server import RedisServer
from waiting import PATIENCE_S

ORDER = {"user_id": "1", "items": ["apple", "python"]}
OLD_RELEASES = ("0.5.2", "0.7.0")
OLD_PAUSE_MS = 20
CALLER_PAUSE_S = 0.03
CONNECTIONS_LIMIT = 60
# Milliseconds that a call sleeps in its backend: the percentiles that are compared lie well inside
# the histogram's buckets (25 to 50, 50 to 100, 100 to 250 ms), whatever a busy machine adds.
SLEEPS_MS = (30,) * 60 + (60,) * 35 + (160,) * 5
UNLIMITED_CALLS = 10  # of get_order; those beyond are counted as over its limit, and answered

BRIDGED = {
    "limits": {"connections": CONNECTIONS_LIMIT},
    "handlers": ["hello_world", "echo", "save_order", "get_order"],
    "routes": [
        {"functions": ["add", "boom", "sleep_ms"], "backend": "orders"},
        {"functions": "block_ms", "backend": "reports", "timeout": "250ms"},
    ],
    "rate_limits": [
        {"functions": "get_order", "per": "function", "rate": "1/h", "burst": UNLIMITED_CALLS, "mode": "observe"}
    ],
}


def configuration(orders, reports):
    backends = {
        "orders": {"url": [backend.url for backend in orders], "connections": 12},
        "reports": {"url": reports.url, "in_flight": 2, "queue": 4},
    }
    backends["orders"]["idempotent"] = ["add", "sleep_ms"]
    return {**BRIDGED, "backends": backends}


class Tally:
    """What became of every call: counts by protocol, function and result, and seconds by function.
    A failure is one of the outcomes error, timeout, unavailable and overloaded."""

    def __init__(self):
        self.counts = collections.Counter()
        self.durations = collections.defaultdict(list)
        self.old = collections.Counter()  # by wire
        self.connects = 0  # a ZeroMQ client begins with `connect`, a request like others
        self.abandoned = 0
        self.malformed = 0

    async def call(self, client, function, argument=None):
        begun = time.monotonic()
        result = answer = None
        try:
            answer = await client.call(function, argument)
            result = "ok"
        except MethodNotFoundException:
            result = "not_found"
        except ValidationException:
            result = "invalid"
        except RemoteException:
            result = "failed"
        self.durations[function].append(time.monotonic() - begun)
        self.counts[client.protocol, function, result] += 1
        return answer

    def total(self, **wanted):
        names = ("protocol", "function", "result")
        return sum(
            count
            for key, count in self.counts.items()
            if wanted.items() <= dict(zip(names, key)).items()
        )


class SecurePeers:
    """Peers over TLS and CURVE that call nothing, and the keys of all."""

    def __init__(self, binary, folder):
        self._folder = folder
        self._authority = Authority(folder)
        for name in ("gateway", "peer"):
            self._authority.issue(name, f"URI:spiffe://test/{name},IP:127.0.0.1")
        for name in ("server", "alice", "eve"):
            subprocess.run([binary, "keys", "curve", name], cwd=folder, capture_output=True, check=True)
        welcome = folder / "welcome"
        welcome.mkdir()
        (welcome / "alice.key").write_bytes((folder / "alice.key").read_bytes())

    def configuration(self):
        files = {"cert": "gateway.crt", "key": "gateway.key", "ca": "ca.crt"}
        tls = {key: self._authority.path(file) for key, file in files.items()}
        curve = {"secret_key": str(self._folder / "server.key_secret"), "clients": str(self._folder / "welcome")}
        listen = {"tls": "127.0.0.1:0", "zmq_curve": "127.0.0.1:0"}
        return {"listen": listen, "tls": {**tls, "allow": ["spiffe://test/peer"]}, "curve": curve}

    def come(self, gateway, stay):
        """One of each kind. Who is let in is closed with `stay`, an ExitStack."""
        stay.enter_context(self._over_tls(port_of(gateway, "tls"), "peer"))
        with contextlib.suppress(OSError), self._over_tls(port_of(gateway, "tls"), None) as refused:
            refused.recv(1)  # with TLS 1.3 the first read says so
        context = stay.enter_context(zmq.Context())
        for name in ("alice", "eve"):
            dealer = stay.enter_context(context.socket(zmq.DEALER))
            dealer.linger = 0
            secret = str(self._folder / f"{name}.key_secret")
            dealer.curve_publickey, dealer.curve_secretkey = zmq.auth.load_certificate(secret)
            dealer.curve_serverkey = zmq.auth.load_certificate(str(self._folder / "server.key"))[0]
            dealer.connect(f"tcp://127.0.0.1:{port_of(gateway, 'zmq_curve')}")

    def _over_tls(self, port, name):
        context = ssl.create_default_context(cafile=self._authority.crt)
        if name:
            context.load_cert_chain(self._authority.path(f"{name}.crt"), self._authority.path(f"{name}.key"))
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")


def port_of(gateway, protocol):
    """Of a listener for which Gateway has no field."""
    [line] = [line for line in gateway.lines if f"event=listening protocol={protocol} " in line]
    return int(re.search(r"address=127\.0\.0\.1:(\d+)", line)[1])


class Caller:
    """Calls a mix of functions, one call at a time, until it is stopped."""

    def __init__(self, client, tally, seed):
        self._client, self._tally = client, tally
        self._random = random.Random(seed)
        self._order_id = None
        self._running = True
        self._task = asyncio.create_task(self._run())

    async def stop(self):
        self._running = False
        await self._task

    async def _run(self):
        while self._running:
            function, argument = self._next()
            answer = await self._tally.call(self._client, function, argument)
            if function == "save_order" and answer:
                self._order_id = answer["order_id"]
            await asyncio.sleep(CALLER_PAUSE_S)

    def _next(self):
        dice = self._random.random()
        if dice < 0.28:
            return "hello_world", None
        if dice < 0.46:
            return "echo", "x" * 200
        if dice < 0.57:
            return "save_order", ORDER
        if dice < 0.70 and self._order_id:
            return "get_order", self._order_id
        if dice < 0.84:
            return "add", {"a": 1, "b": 2}
        if dice < 0.97:
            return "sleep_ms", self._random.choice(SLEEPS_MS)
        return self._random.choice((("boom", "no"), ("nope", None), ("save_order", [])))


class Scenario:
    """`phase_s`: how long each of the six phases lasts at least."""

    PHASES = 6

    def __init__(self, binary, folder, phase_s):
        self.phase_s = phase_s
        self.tally = Tally()
        self.start_s = self.end_s = 0  # seconds since 1970
        self._stack = contextlib.ExitStack()
        self._folder = folder
        self._binary = binary
        self.zmq_callers, self.tcp_callers = [], []

    @property
    def range_s(self):
        return math.ceil(self.end_s - self.start_s)

    def set_up(self):
        # The environments first, as they may have to be installed.
        self._pythons = {release: make_environment(release) for release in OLD_RELEASES}
        opened = lambda server: self._stack.enter_context(contextlib.closing(server))
        self.redis = opened(RedisServer()).start()
        self.orders = [opened(Backend("tcp")), opened(Backend("tcp"))]
        self.reports = opened(Backend("zmq"))
        for backend in (*self.orders, self.reports):
            backend.start()
        self.secure = SecurePeers(self._binary, self._folder)
        config = {**configuration(self.orders, self.reports), **self.secure.configuration()}
        file = self._folder / "zerogate.yaml"
        file.write_text(json.dumps(config))  # JSON is YAML
        arguments = ["--config", str(file)]
        self.gateway = opened(Gateway(self._binary, self.redis.url(), arguments)).start()
        target = f"127.0.0.1:{self.gateway.admin_port}"
        self.prometheus = opened(Prometheus(target)).start()

    def close(self):
        self._stack.close()

    async def play(self):
        self.start_s = time.time()
        self.clients = Clients()
        try:
            await self._play()
            self.tally.connects = connects(self.clients.opened)
            await self._last_scrape()
            self.end_s = time.time()
        finally:
            await self.clients.close_all()

    async def _play(self):
        await self._change_callers(zmq=5, tcp=2)
        old = [asyncio.create_task(self._old_client(release)) for release in OLD_RELEASES]
        await self._phase(self._secure_peers)
        await self._phase(self._rude_peers)
        await self._change_callers(zmq=4, tcp=3)
        await self._phase(self._lose_a_backend)
        await asyncio.gather(*old)
        await self._change_callers(zmq=3, tcp=4)
        await self._phase(self._fill_the_queue)
        await self._change_callers(zmq=2, tcp=5)
        await self._phase(self._lose_redis)
        await self._change_callers(zmq=1, tcp=6)
        await self._phase()
        await self._change_callers(zmq=0, tcp=0)

    async def _phase(self, *events):
        await asyncio.gather(asyncio.sleep(self.phase_s), *(event() for event in events))

    async def _change_callers(self, zmq, tcp):
        for callers, kinds, wanted in (
            (self.zmq_callers, ("zmq_async", "zmq_sync"), zmq),
            (self.tcp_callers, ("tcp",), tcp),
        ):
            while len(callers) > wanted:
                await callers.pop().stop()
            while len(callers) < wanted:
                number = len(callers)
                client = self.clients.open(kinds[number % len(kinds)], self.gateway)
                callers.append(Caller(client, self.tally, seed=f"{kinds} {number}"))

    async def _old_client(self, release):
        """Calls echo for nearly three phases."""
        calls = int(2.8 * self.phase_s * 1_000 / (OLD_PAUSE_MS + 1))
        process = await asyncio.create_subprocess_exec(
            self._pythons[release],
            CLIENT,
            str(self.gateway.zmq_port),
            "sync",
            json.dumps([["echo", "old"]] * calls),
            str(OLD_PAUSE_MS),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert output.count(b'call: {"result": "old"}') == calls, output[-300:]
        self.tally.old[RELEASES[release]] += calls

    async def _secure_peers(self):
        """Peers with the right keys, which stay, and as many without."""
        with contextlib.ExitStack() as stay:
            for _ in range(8):
                await asyncio.to_thread(self.secure.come, self.gateway, stay)
                await asyncio.sleep(self.phase_s / 12)
            await self._until_scraped("zerogate_tls_connections")

    async def _rude_peers(self):
        await self._hasty_callers()
        await self._hostile_peers()

    async def _hostile_peers(self):
        """Browsers, and more idle connections than the gateway takes."""
        address = ("127.0.0.1", self.gateway.tcp_port)
        for _ in range(20):
            with socket.create_connection(address, timeout=10) as peer:
                peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.tally.malformed += 1
            await asyncio.sleep(self.phase_s / 80)
        idle = [socket.create_connection(address, timeout=10) for _ in range(CONNECTIONS_LIMIT)]
        await asyncio.sleep(self.phase_s / 3)
        for peer in idle:
            peer.close()
        open_now = lambda: self.gateway.metrics().total("zerogate_connections", protocol="tcp")
        await self._until(lambda: open_now() < CONNECTIONS_LIMIT / 2, "the idle ones have gone")

    async def _hasty_callers(self):
        """Callers that leave before they are answered."""
        sleep = t3_frame(1, t3_payload("sleep_ms", msgspec.msgpack.encode(150)))
        hello = t3_frame(2, t3_payload("hello_world"))
        for _ in range(10):
            peer = await TcpConnection.open(self.gateway.tcp_port)
            # It ends with a reset, so that it cannot be taken for one that only stops sending.
            raw_socket = peer.writer.get_extra_info("socket")
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await peer.send(sleep + hello)
            await peer.receive_frame()  # hello's answer: the other call is under way
            peer.writer.transport.abort()
            self.tally.counts["tcp", "hello_world", "ok"] += 1
            self.tally.abandoned += 1
            await asyncio.sleep(self.phase_s / 40)

    async def _lose_a_backend(self):
        victim = self.orders[1]
        # Enough calls at that moment for both endpoints to have some.
        client = self.clients.open("zmq_async", self.gateway)
        calls = [self.tally.call(client, "sleep_ms", 150) for _ in range(24)]
        burst = asyncio.gather(*calls)
        in_flight = lambda: self.gateway.metrics().total("zerogate_requests_in_flight") >= 20
        await self._until(in_flight, "most of the calls are in flight", poll_s=0.01)
        await asyncio.to_thread(victim.kill)
        await burst
        await self._until_pending("ZerogateEndpointDown")
        await asyncio.sleep(self.phase_s / 3)
        await asyncio.to_thread(victim.start)
        back = lambda: self.gateway.metrics().total("zerogate_backend_up") == 3
        await self._until(back, "the endpoint is used again")

    async def _fill_the_queue(self):
        """Twelve callers of a backend that works on two calls at a time."""
        client = self.clients.open("zmq_async", self.gateway)
        full = asyncio.create_task(self._full_for_long_enough())

        async def call(number):
            while not full.done():
                slow = number == 0
                await self.tally.call(client, "block_ms", 400 if slow else 20)
                await asyncio.sleep(self.phase_s / 4 if slow else 0.05)

        await asyncio.gather(full, *(call(number) for number in range(12)))

    async def _full_for_long_enough(self):
        await asyncio.sleep(self.phase_s * 0.8)
        await self._until_scraped("zerogate_backend_queue")
        await self._until_scraped("zerogate_backend_depth")

    async def _lose_redis(self):
        await asyncio.to_thread(self.redis.kill)
        await self._until_pending("ZerogateRedisDown")
        await asyncio.sleep(self.phase_s / 4)
        await asyncio.to_thread(self.redis.restart)
        back = lambda: self.gateway.metrics().total("zerogate_redis_up") == 1
        await self._until(back, "Redis is used again")

    async def _until_pending(self, alert):
        pending = lambda: self.prometheus.alert_state(alert) == "pending"
        await self._until(pending, f"the alert {alert} is pending")

    async def _until_scraped(self, gauge):
        """What a panel shows of a gauge is what it was at a scrape, and those may come late."""
        scraped = lambda: any(
            value for _, samples in self.prometheus.samples(gauge, self.start_s) for _, value in samples
        )
        await self._until(scraped, f"Prometheus has seen {gauge} above 0")

    async def _last_scrape(self):
        """Until Prometheus knows what the gateway knows, and nothing is in flight."""

        def settled():
            metrics = self.gateway.metrics()
            known = self.prometheus.query("sum(zerogate_requests_total)")[0][1]
            in_flight = metrics.total("zerogate_requests_in_flight")
            return known == metrics.total("zerogate_requests_total") and not in_flight

        await self._until(settled, "Prometheus has scraped everything")

    @staticmethod
    async def _until(condition, what, poll_s=0.2):
        """waiting.until for what blocks: the load goes on meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
            await asyncio.sleep(poll_s)
