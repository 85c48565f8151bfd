"""A contest: several servers under the same load, in turn, for several rounds."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
LOAD_TIMEOUT_S = 60  # every load ends by itself long before

ORDER = {"user_id": "1", "items": ["apple", "python"]}
ARGUMENTS = {"hello_world": None, "save_order": ORDER}


@dataclass(frozen=True)
class Load:
    """What is called, over which protocol, by whom and how many at a time."""

    function: str
    protocol: str
    connections: int
    depth: int
    client: str = "bench"  # zerogate bench, or one of python_load.py's

    @property
    def title(self):
        return f"{self.connections} × {self.depth}"


@dataclass
class Pace:
    """How long everything takes."""

    rounds: int
    measured_ms: int
    warmup_ms: int

    def longer(self, times):
        return Pace(self.rounds, self.measured_ms * times, self.warmup_ms * times)


# A worker of Zero's ZeroMQ server sends with NOBLOCK and forgets a reply that finds the pipe to its
# broker full, which 1,000 messages do that libzmq has not yet taken off the count (up to 499): so
# with 512 calls in flight it loses some now and then.
TRIES_OF_OTHERS = 3
PATIENCE = (1, 5, 25)  # a short run on a busy machine may end before a slow server has answered
PRIMING = Pace(rounds=1, measured_ms=1_000, warmup_ms=0)


@dataclass
class Contest:
    load: Load
    servers: dict  # by name
    runs: dict = field(default_factory=dict)  # a list for each name, one entry for each round

    def prime(self, program):
        """Opens what a server opens at its first calls, such as its connections to Redis."""
        if self.load.function == "save_order":
            for name, server in self.servers.items():
                self._run(program, name, server, PRIMING)

    def measure(self, program, pace):
        """One round: each server once."""
        for name, server in self.servers.items():
            self.runs.setdefault(name, []).append(self._measure(program, name, server, pace))

    def _measure(self, program, name, server, pace):
        """The figures of a run without errors: of Zerogate the first one."""
        for left in reversed(range(1 if "Zerogate" in name else TRIES_OF_OTHERS)):
            cpu_s = server.cpu_seconds()
            report = self._run(program, name, server, pace)
            cpu_s = server.cpu_seconds() - cpu_s
            if not report["errors"]:
                return figures(report, cpu_s)
            told = f"{name} at {self.load}: errors: {report}"
            if left == 0:
                sys.exit(told)
            print(f"measured again: {told}", file=sys.stderr)

    def _run(self, program, name, server, pace):
        for patience in PATIENCE:
            command = self._command(program, server, pace.longer(patience))
            pipe = subprocess.PIPE
            done = subprocess.run(command, stdout=pipe, stderr=pipe, timeout=LOAD_TIMEOUT_S)
            report = json.loads(done.stdout) if done.stdout else {}
            if report.get("requests"):
                return report
            if report.get("errors", 1):
                break
        sys.exit(f"{name} at {self.load}: {done.stderr.decode() or done.stdout.decode()}")

    def values(self, name, key):
        return [run[key] for run in self.runs[name]]

    def median(self, name, key):
        return statistics.median(self.values(name, key))

    def ratios(self, name, other, key="rps"):
        """Round by round: what disturbs one of two neighbours disturbs the other."""
        pairs = zip(self.values(name, key), self.values(other, key))
        return [a / b for a, b in pairs]

    def _command(self, program, server, pace):
        load = self.load
        if load.client != "bench":
            words = [load.client, server.port_of(load.protocol), load.function, load.connections]
            words += [pace.measured_ms, pace.warmup_ms]
            script = os.path.join(HERE, "python_load.py")
            return [sys.executable, script, *map(str, words)]
        command = [program, "bench", server.url(load.protocol), load.function]
        command += [json.dumps(ARGUMENTS[load.function]), "--json"]
        command += ["--connections", str(load.connections), "--depth", str(load.depth)]
        if load.function == "hello_world":
            command += ["--expect", '"hello world"']
        return command + [
            "--duration", f"{pace.measured_ms}ms", "--warmup", f"{pace.warmup_ms}ms"
        ]  # fmt: skip


def figures(report, server_cpu_s):
    """The figures of a run that the tables show. The server's CPU time is that of the whole run,
    its warm-up included; the load generator's that of the measured time."""
    latency = report["latency_us"]
    return {
        "rps": report["requests_per_second"],
        "p50_ms": latency["p50"] / 1e3,
        "p99_ms": latency["p99"] / 1e3,
        "p99.9_ms": latency["p99.9"] / 1e3,
        "errors": report["errors"],
        "server_cpu_us": server_cpu_s / max(report["answered"], 1) * 1e6,
        "client_cpu_us": report["client_cpu_seconds"] / max(report["requests"], 1) * 1e6,
    }
