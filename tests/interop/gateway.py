"""The gateway as a process: `zerogate serve` on ports of its own, its log, its metrics, its end."""

import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from own_port import own_port
from waiting import PATIENCE_S, is_looking, wait_until

SETTLE_S = 0.1  # in which a turn ends that has sent a reply
STOP_TIMEOUT_S = 20  # above the gateway's own drain_timeout of 8 s
IN_FLIGHT = "zerogate_requests_in_flight"
HOST_PROCESSES = "pid:[4026531836]"  # the kernel's PROC_PID_INIT_INO
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")
LOGFMT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape."""

    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            match = SAMPLE.match(line)
            if match:
                labels = dict(LABEL.findall(match.group(2) or ""))
                self.samples.append((match.group(1), labels, float(match.group(3))))

    def select(self, name, **labels):
        wanted = labels.items()
        return [(l, v) for n, l, v in self.samples if n == name and wanted <= l.items()]

    def total(self, name, **labels):
        """The sum of all series of this name with these labels, 0 when none has these values: what
        was never counted is left out. There must be one of this name with labels of these names."""
        found = [each for each, _ in self.select(name) if labels.keys() <= each.keys()]
        assert found, f"no series {name} with labels {list(labels)}"
        return sum(value for _, value in self.select(name, **labels))

    def values(self, name, label):
        return {labels[label] for labels, _ in self.select(name)}


def in_container():
    """Whether these processes have a PID namespace of their own: there a health check whose own
    configuration leads nowhere finds the only gateway that there is, and that may be another test's."""
    return os.readlink("/proc/self/ns/pid") != HOST_PROCESSES


class Gateway:
    name = "gateway"
    listeners = {"tcp", "zmq", "admin"}  # that have to be there before it is ready

    def __init__(self, binary, redis_url, arguments=(), environment=None):
        self._binary = binary
        self._redis_url = redis_url
        self._arguments = list(arguments)
        self._environment = {**os.environ, **(environment or {})}
        self._process = None
        self._reader = None
        self.lines = []
        self.tcp_port, self.zmq_port, self.admin_port = own_port(), own_port(), own_port()

    def start(self):
        """Returns once it is ready. A second start takes the same ports again."""
        self.lines = []
        command = [self._binary, "serve"]
        if self._redis_url:  # else the configuration says which
            command += ["--redis", self._redis_url]
        command += ["--listen-tcp", f"127.0.0.1:{self.tcp_port}"]
        command += ["--listen-zmq", f"127.0.0.1:{self.zmq_port}"]
        command += ["--admin", f"127.0.0.1:{self.admin_port}", *self._arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self._environment
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,))
        self._reader.start()
        try:
            wait_until(self._listening, PATIENCE_S, "three `event=listening` lines")
            wait_until(lambda: self.readyz()[0] == 200, PATIENCE_S, "/readyz is 200")
        except AssertionError as error:
            self._process.kill()
            self._reader.join()
            self._process.wait()
            raise AssertionError(f"{error}\nthe gateway's log:\n{self.log}") from None
        return self

    def stop(self):
        """SIGTERM, and what must hold at every end: exit status 0, nothing from a sanitizer."""
        self.terminate()
        self.wait_for_exit()

    def terminate(self):
        self._process.send_signal(signal.SIGTERM)

    def wait_for_exit(self):
        try:
            status = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            status = f"none within {STOP_TIMEOUT_S} s of SIGTERM"
        self._reader.join()
        self._process = None
        assert not SANITIZER.search(self.log), self.log
        assert status == 0, f"exit status {status}\n{self.log}"

    def close(self):
        """The last thing that is done with it, whatever a test did before."""
        if self._process:
            self.stop()

    def restart(self):
        self.stop()
        self.start()

    def check(self):
        """Between tests: it lives, and no sanitizer has said anything."""
        assert self._process.poll() is None, f"the gateway died:\n{self.log}"
        assert not SANITIZER.search(self.log), self.log

    @property
    def log(self):
        return "\n".join(self.lines)

    def told(self, *words):
        """The lines of the log that have all of these words, once there is one: a thread of the
        gateway writes them, so they may come after whatever else shows what happened."""
        found = lambda: [line for line in list(self.lines) if all(word in line for word in words)]
        return wait_until(found, PATIENCE_S, f"a line of the log with {words}")

    @property
    def pid(self):
        return self._process.pid

    def get(self, path):
        """(status, text) of the admin server; (0, why) when it cannot be reached."""
        try:
            url = f"http://127.0.0.1:{self.admin_port}{path}"
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def is_sanitized(self):
        """Then its memory says nothing: a sanitizer keeps what was freed, and more."""
        with open(f"/proc/{self.pid}/exe", "rb") as program:
            text = program.read()
        return b"__asan_init" in text or b"__tsan_init" in text

    def readyz(self):
        return self.get("/readyz")

    def metrics(self):
        """A scrape. A reply is counted at the end of the turn that sent it, so its caller may be here
        before that: while calls are in flight it looks again, for a moment. (Who waits for something
        looks again anyway, and would only wait longer.)"""
        deadline = time.monotonic() + SETTLE_S
        while True:
            status, text = self.get("/metrics")
            assert status == 200, text
            metrics = Metrics(text)
            if is_looking() or not metrics.total(IN_FLIGHT) or time.monotonic() > deadline:
                return metrics

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))

    def _listening(self):
        assert self._process.poll() is None, f"exit status {self._process.returncode}"
        ports = {}
        for line in list(self.lines):
            fields = {key: value.strip('"') for key, value in LOGFMT.findall(line)}
            if fields.get("event") == "listening":
                ports[fields["protocol"]] = int(fields["address"].rsplit(":", 1)[1])
        if not self.listeners <= ports.keys():
            return False
        self.tcp_port, self.zmq_port = ports.get("tcp", 0), ports.get("zmq", 0)
        self.admin_port = ports["admin"]
        return True
