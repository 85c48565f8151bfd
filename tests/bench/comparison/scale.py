"""What many connections and a long time do to the gateway. tests/bench/scale starts this."""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass

import zmq

import raw
from comparison import facts, idle, tables
from comparison.common import TOP, end_tidily, say
from comparison.contests import ORDER
from comparison.peers import Peers

IDLE_SECONDS = 10
BUSY_CONNECTIONS, BUSY_SECONDS = 1_000, 5
SEGMENT_SECONDS = 10
RESERVED_DESCRIPTORS = 1_000  # for all but connections, on both sides
RESIDENT_MIB, CONNECTION_KIB = 15, 8  # the bounds
GROWTH_MIB = 2  # over the minutes at half load: the allocator's, not ours
DRIFT = 2.0  # p99.9 of the last third of the segments against the first

PATHS = {
    "TCP hello_world": ("tcp", "hello_world", None, 64, 16),
    "ZMQ hello_world": ("zmq", "hello_world", None, 8, 64),
    "TCP save_order": ("tcp", "save_order", ORDER, 64, 16),
}


@dataclass
class Bound:
    what: str
    value: float
    most: float
    unit: str

    @property
    def met(self):
        return self.value <= self.most

    def row(self):
        most = f"≤ {self.most:g} {self.unit}"
        return [self.what, tables.number(self.value), most, "met" if self.met else "**missed**"]


class Scale:
    def __init__(self, options, peers):
        self._options, self._peers = options, peers
        self._redis = peers.redis()
        self.bounds = []
        self.figures = {}

    def gateway(self):
        return self._peers.gateway(self._redis)

    def idle(self):
        count = self._options.connections
        say(f"{count} idle TCP connections")
        gateway = self._peers.tcp_gateway(
            self._redis, {"ZEROGATE_LIMITS_CONNECTIONS": str(count + 100)}
        )
        figures = idle.measure(gateway, count, IDLE_SECONDS)
        self.figures["idle"] = figures
        self._bound("resident without connections", figures["resident_mib"], RESIDENT_MIB, "MiB")
        self._bound("an idle TCP connection", figures["connection_kib"], CONNECTION_KIB, "KiB")
        self._bound("wake-ups while idle", figures["wakeups_per_s"], 0, "per second")
        yield f"{count:,} idle TCP connections: woken threads {figures['woken'] or 'none'}"

    def idle_zmq(self):
        count = BUSY_CONNECTIONS
        say(f"{count} idle ZeroMQ connections")
        gateway = self.gateway()
        before = idle.resident_bytes(gateway.pid)
        with dealers(gateway.zmq_port, count):
            grown = (idle.resident_bytes(gateway.pid) - before) / count / 2**10
        self.figures["zmq_connection_kib"] = grown
        yield f"{count:,} idle ZeroMQ connections: {grown:.1f} KiB each, libzmq's own memory"

    def busy(self):
        gateway = self.gateway()
        for protocol in ("tcp", "zmq"):
            say(f"{BUSY_CONNECTIONS} busy connections, {protocol}")
            report = self._bench(gateway, protocol, "hello_world", None, BUSY_CONNECTIONS, 1)
            resident = idle.resident_bytes(gateway.pid) / 2**20
            self.figures[f"busy_{protocol}"] = report
            self._bound(f"errors, {BUSY_CONNECTIONS:,} busy {protocol} connections",
                        report["errors"], 0, "")  # fmt: skip
            yield (
                f"{BUSY_CONNECTIONS:,} busy {protocol} connections:"
                f" {report['requests_per_second']:,.0f} req/s,"
                f" p99 {report['latency_us']['p99'] / 1e3:.2f} ms, resident {resident:.1f} MiB"
            )

    def half_load(self):
        """Minutes at half of what a closed loop gets through, in segments."""
        share = 60 * self._options.minutes / SEGMENT_SECONDS / len(PATHS)
        segments = max(3, round(share))
        for title, (protocol, function, argument, connections, depth) in PATHS.items():
            gateway = self.gateway()
            load = (gateway, protocol, function, argument, connections, depth)
            capacity = self._bench(*load)["requests_per_second"]
            rate = max(int(capacity / 2), 1)
            say(f"{title} at {rate:,} per second, {segments} × {SEGMENT_SECONDS} s")
            self._bench(*load, "--rate", str(rate))  # the allocator's first growth
            before = idle.resident_bytes(gateway.pid)
            reports = [self._bench(*load, "--rate", str(rate), seconds=SEGMENT_SECONDS)
                       for _ in range(segments)]  # fmt: skip
            growth = (idle.resident_bytes(gateway.pid) - before) / 2**20
            self.figures[title] = reports
            p999 = [report["latency_us"]["p99.9"] / 1e3 for report in reports]
            third = max(len(p999) // 3, 1)
            drift = statistics.median(p999[-third:]) / statistics.median(p999[:third])
            self._bound(f"growth, {title} at half load", growth, GROWTH_MIB, "MiB")
            self._bound(f"drift of p99.9, {title}", drift, DRIFT, "×")
            errors = sum(report["errors"] for report in reports)
            self._bound(f"errors, {title} at half load", errors, 0, "")
            p99 = [report["latency_us"]["p99"] / 1e3 for report in reports]
            yield (
                f"{title} at {rate:,}/s, {segments * SEGMENT_SECONDS} s: p99"
                f" {tables.spread(p99)} ms, p99.9 {tables.spread(p999)} ms"
            )

    def _bound(self, *words):
        self.bounds.append(Bound(*words))

    def _bench(self, gateway, protocol, function, argument, connections, depth, *flags,
               seconds=BUSY_SECONDS):  # fmt: skip
        command = [self._options.zerogate, "bench", gateway.url(protocol), function]
        command += [json.dumps(argument), "--json", "--duration", f"{seconds}s"]
        command += ["--connections", str(connections), "--depth", str(depth), *flags]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=seconds + 60, check=True)
        return json.loads(done.stdout)


def claim_descriptors(options):
    """As many as we may have, which the gateway inherits."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < options.connections + RESERVED_DESCRIPTORS:
        options.connections = hard - RESERVED_DESCRIPTORS
        say(f"only {options.connections} connections: `ulimit -n` is {hard}")


@contextlib.contextmanager
def dealers(port, count):
    """Connections of ZeroMQ that have been answered once each."""
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, count + 10)
    sockets = []
    try:
        for _ in range(count):
            sockets.append(context.socket(zmq.DEALER))
            sockets[-1].connect(f"tcp://127.0.0.1:{port}")
            sockets[-1].send(os.urandom(raw.ID_BYTES) + b"connect")
        for each in sockets:
            assert each.poll(30_000), "no answer to connect"
            each.recv()
        yield
    finally:
        context.destroy(linger=0)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/scale", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3, help="at half load; default 3")
    parser.add_argument("--connections", type=int, default=10_000, help="idle ones; default 10000")
    parser.add_argument("--json", metavar="FILE", help="write every figure")
    program = os.path.join(TOP, "build", "release", "zerogate")
    parser.add_argument("--zerogate", metavar="FILE", default=program, help="default: %(default)s")
    options = parser.parse_args()
    options.zerogate = os.path.abspath(options.zerogate)
    claim_descriptors(options)
    about = facts.gather(options.zerogate)
    with contextlib.ExitStack() as stack:
        scale = Scale(options, Peers(stack, options.zerogate))
        for part in (scale.idle, scale.idle_zmq, scale.busy, scale.half_load):
            for line in part():
                print(f"- {line}", flush=True)
    print()
    print("\n".join(tables.table(["what", ">measured", ">bound", ""], [b.row() for b in scale.bounds])))
    print(f"\n{about['zerogate']}; {facts.short(about)}.")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, **scale.figures}, file, indent=1)
    sys.exit(0 if all(bound.met for bound in scale.bounds) else 1)


if __name__ == "__main__":
    end_tidily(main)
