"""Which servers meet in which contests."""

import json

from comparison.contests import Contest, Load

ZEROGATE, TWO_THREADS = "Zerogate", "Zerogate, 2 threads"
PIPELINED = "Zerogate, pipelining"
BARE_TCP, BARE_ROUTER = "bare libuv server", "bare ROUTER"
ONE_AT_A_TIME = "Zerogate, in_flight: 1"
KINDS = ("async", "sync")  # of the functions of a Zero server
MOVED_WORKERS = (1, 2)  # of the Zero servers of what a user gains by moving
PYTHON_BRIDGE, FORWARDER, HAPROXY = "Python bridge", "zmq_proxy", "HAProxy"
CLIENTS = {"tcp": "tcp", "zmq_async": "zmq", "zmq_sync": "zmq"}
PYTHON_CALLERS = {"tcp": 32, "zmq_async": 32, "zmq_sync": 4}


def zero(kind, workers=1):
    return f"Zero, {kind}" if workers == 1 else f"Zero, {kind}, {workers} workers"


class Plan:
    """All contests of one run of the comparison. Starts their servers: a function at once, for all
    of them have to be there when their rounds come; only one has load at a time."""

    def __init__(self, peers, default_workers=None):
        self._peers = peers
        self._redis = peers.redis()
        self._bare = {"tcp": peers.bare_tcp_server(), "zmq": peers.bare_router()}
        self._gateway = peers.gateway(self._redis)
        self._zero = {
            (protocol, kind): peers.zero(protocol, kind, 1, self._redis)
            for protocol in ("tcp", "zmq")
            for kind in KINDS
        }
        self.servers = self._server_contests()
        self.threads = self._thread_contests()
        self.python = self._python_contests()
        self.bridges = self._bridge_contests()
        self.moves = self._move_contests()
        self.workers = self._worker_contests(default_workers) if default_workers else []

    @property
    def contests(self):
        servers = self.servers + self.threads + self.python
        return servers + self.bridges + list(self.moves.values()) + self.workers

    def _zeros(self, protocol):
        return {zero(kind): self._zero[protocol, kind] for kind in KINDS}

    def _server_contests(self):
        bare = {"tcp": BARE_TCP, "zmq": BARE_ROUTER}

        def contest(function, protocol, connections, depth):
            servers = {**self._zeros(protocol), ZEROGATE: self._gateway}
            if function == "hello_world":
                servers[bare[protocol]] = self._bare[protocol]
            return Contest(Load(function, protocol, connections, depth), servers)

        return [
            contest("hello_world", "tcp", 64, 1),
            contest("save_order", "tcp", 64, 1),
            contest("hello_world", "tcp", 64, 16),
            contest("hello_world", "zmq", 8, 8),
            contest("save_order", "zmq", 8, 8),
            contest("hello_world", "zmq", 8, 64),
        ]

    def _thread_contests(self):
        two = self._peers.gateway(self._redis, "--threads", "2")
        servers = {ZEROGATE: self._gateway, TWO_THREADS: two}
        return [Contest(Load("hello_world", "tcp", 64, 16), servers)]

    def _python_contests(self):
        return [
            Contest(
                Load(function, protocol, PYTHON_CALLERS[client], 1, client),
                {**self._zeros(protocol), ZEROGATE: self._gateway},
            )
            for client, protocol in CLIENTS.items()
            for function in ("hello_world", "save_order")
        ]

    def _bridge_contests(self):
        backend = self._bare["tcp"]
        gateway = self._peers.gateway(self._redis, "--bridge", backend.url("tcp"))
        # For a backend that works on several requests of one connection, which Zero's TCP server
        # does not: as zmq_proxy does it, and HAProxy.
        pipelined = self._bridge(backend, connections=1, in_flight=1_000)
        both = {ZEROGATE: gateway, PIPELINED: pipelined}
        python_bridge = self._peers.python_bridge(backend.port, workers=1)
        forwarder = self._peers.zmq_forwarder(self._bare["zmq"].port)
        from_zmq = {PYTHON_BRIDGE: python_bridge, **both, FORWARDER: forwarder}
        from_tcp = {**both, HAPROXY: self._peers.haproxy(backend.port)}
        return [
            Contest(Load("hello_world", protocol, *shape), servers)
            for protocol, servers in (("zmq", from_zmq), ("tcp", from_tcp))
            for shape in ((1, 1), (8, 8), (8, 64))
        ]

    def _bridge(self, backend, **options):
        """A gateway in front of one raw-TCP server."""
        options = {"url": backend.url("tcp"), **options}
        environment = {
            "ZEROGATE_BACKENDS": json.dumps({"one": options}),  # JSON is YAML
            "ZEROGATE_ROUTES": json.dumps([{"functions": ["*"], "backend": "one"}]),
        }
        return self._peers.gateway(self._redis, environment=environment)

    def _move_contests(self):
        """What ZeroMQ clients gain when their service moves to Zero's TCP server, behind a bridge: by
        workers and load."""
        contests = {}
        for workers in MOVED_WORKERS:
            moved = self._peers.zero("tcp", "async", workers, self._redis)
            servers = {
                zero("async", workers): self._peers.zero("zmq", "async", workers, self._redis),
                ONE_AT_A_TIME: self._bridge(moved, in_flight=1),
                ZEROGATE: self._bridge(moved),
            }
            for shape in ((8, 8), (8, 64)):
                contests[workers, shape] = Contest(Load("hello_world", "zmq", *shape), servers)
        return contests

    def _worker_contests(self, workers):
        """Zero as it starts by itself, with a worker for each core, and Zerogate with as many."""
        gateway = self._peers.gateway(self._redis, "--threads", str(workers))
        contests = []
        for protocol, shape in (("tcp", (64, 1)), ("zmq", (8, 8))):
            servers = {
                zero("async", workers): self._peers.zero(protocol, "async", workers, self._redis),
                f"Zerogate, {workers} threads": gateway,
            }
            for function in ("hello_world", "save_order"):
                contests.append(Contest(Load(function, protocol, *shape), servers))
        return contests


def find(contests, function, protocol, connections, depth):
    for contest in contests:
        if contest.load == Load(function, protocol, connections, depth):
            return contest
    raise LookupError(f"no contest {function} {protocol} {connections} × {depth}")
