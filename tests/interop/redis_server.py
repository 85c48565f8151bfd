"""A real redis-server that tests may kill, stop and bring back on the same port."""

import signal
import socket
import subprocess
import tempfile

import redis

from waiting import wait_until

START_ATTEMPTS = 5  # somebody else may take the port between our looking and redis' binding


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    def __init__(self, password=None):
        self.port = free_port()
        self.password = password
        self._directory = tempfile.TemporaryDirectory(prefix="interop-redis-")
        self._process = None

    def url(self, database=0):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/{database}"

    def client(self, database=0):
        return redis.Redis(
            host="127.0.0.1", port=self.port, db=database, password=self.password, socket_timeout=5
        )

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """Returns once it answers. Keeps its port from the second start on."""
        for _ in range(START_ATTEMPTS):
            if self._launch():
                return self
            self.port = free_port()
        raise AssertionError("redis-server does not start")

    def restart(self):
        assert self._process is None, "kill() it first"
        assert self._launch(), "redis-server does not come back on its port"

    def kill(self):
        """SIGKILL, as the kernel does it when memory runs out."""
        self._process.kill()
        self._process.wait()
        self._process = None

    def pause(self):
        """SIGSTOP: connections stay open and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        if self._process:
            self._process.send_signal(signal.SIGCONT)

    def close(self):
        if self._process:
            self.kill()
        self._directory.cleanup()

    def _launch(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", self._directory.name]
        if self.password:
            command += ["--requirepass", self.password]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: self._process.poll() is not None or self._answers(), 20, "redis answers")
        if self._process.poll() is None:
            return True
        self._process = None
        return False

    def _answers(self):
        try:
            with self.client() as client:
                return client.ping()
        except redis.RedisError:
            return False
