"""A real redis-server that tests may kill, stop and bring back on the same port."""

import signal
import subprocess
import tempfile

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from own_port import own_port
from waiting import PATIENCE_S, wait_until


class RedisServer:
    """`options` are redis-server's own words."""

    def __init__(self, password=None, host="127.0.0.1", port=None, options=()):
        self.port = port or own_port()
        self.host = host
        self.password = password
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
        """Returns once it answers."""
        self._launch()
        return self

    def restart(self, options=(), loading=False):
        """With `loading` it returns while the server still reads what it has saved."""
        assert self._process is None, "kill() it first"
        self._options += options
        self._launch(loading)

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
        ended = lambda: self._process.poll() is not None
        wait_until(lambda: ended() or answers(), PATIENCE_S, "redis-server answers")
        if ended():
            self._process = None
            raise AssertionError(f"redis-server does not start at port {self.port}")

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
