"""A real redis-server that tests may kill, stop and bring back on the same port."""

import signal
import socket
import subprocess
import tempfile

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from waiting import wait_until

START_ATTEMPTS = 5  # somebody else may take the port between our looking and redis' binding


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """`options` are redis-server's own words."""

    def __init__(self, password=None, host="127.0.0.1", port=None, options=()):
        self.port = port or free_port()
        self.host = host
        self.password = password
        self._port_is_given = port is not None
        self._options = list(options)
        self._directory = tempfile.TemporaryDirectory(prefix="interop-redis-")
        self._process = None

    def url(self, database=0):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}{self.host}:{self.port}/{database}"

    def client(self, database=0):
        return redis.Redis(
            host=self.host,
            port=self.port,
            db=database,
            password=self.password,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),  # an error is what a test wants to see
        )

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """Returns once it answers. Keeps its port from the second start on."""
        for _ in range(START_ATTEMPTS):
            if self._launch():
                return self
            if not self._port_is_given:
                self.port = free_port()
        raise AssertionError("redis-server does not start")

    def restart(self, options=(), loading=False):
        """With `loading` it returns while the server still reads what it has saved."""
        assert self._process is None, "kill() it first"
        self._options += options
        assert self._launch(loading), "redis-server does not come back on its port"

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

    def _launch(self, loading=False):
        command = ["redis-server", "--port", str(self.port), "--bind", self.host]
        command += ["--save", "", "--appendonly", "no", "--dir", self._directory.name]
        command += self._options
        if self.password:
            command += ["--requirepass", self.password]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        answers = self._is_loading if loading else self._answers
        wait_until(lambda: self._process.poll() is not None or answers(), 20, "redis answers")
        if self._process.poll() is None:
            return True
        self._process = None
        return False

    def _is_loading(self):
        try:
            with self.client() as client:
                client.ping()
        except redis.BusyLoadingError:
            return True
        except redis.RedisError:
            pass
        return False

    def _answers(self):
        try:
            with self.client() as client:
                return client.ping()
        except redis.RedisError:
            return False
