"""`zerogate serve` started by hand, for what looks at its admin port."""

import http.client
import os
import re
import subprocess

from waiting import PATIENCE_S, wait_until


class Served:
    """`zerogate serve` with variables, until the end of the test, also of one that fails."""

    started = []  # by this test; conftest.py ends what is left of them

    def __init__(self, binary, **variables):
        self.binary = binary
        names = {f"ZEROGATE_{key.upper()}": value for key, value in variables.items()}
        environment = {**os.environ, "ZEROGATE_HANDLERS": "hello_world", **names}
        self._process = subprocess.Popen(
            [binary, "serve"], stderr=subprocess.PIPE, text=True, env=environment, umask=0o077
        )
        Served.started.append(self)
        self.addresses = {}
        self.lines = []  # up to the one that says that it has started
        for line in self._process.stderr:
            self.lines.append(line)
            found = re.search(r"event=listening protocol=(\w+) address=(\S+)", line)
            if found:
                self.addresses[found[1]] = found[2]
            if "event=start " in line:
                break

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        self._process.terminate()
        rest = self._process.stderr.read()
        assert self._process.wait(PATIENCE_S) == 0, rest
        return rest

    def kill(self):
        self._process.kill()
        self._process.wait(PATIENCE_S)

    @property
    def admin(self):
        """Host and port."""
        host, port = self.addresses["admin"].rsplit(":", 1)
        return host, int(port)

    def ask(self, method, path, headers=None, tls=None):
        """Over HTTPS with an ssl.SSLContext."""
        if tls:
            connection = http.client.HTTPSConnection(*self.admin, timeout=PATIENCE_S, context=tls)
        else:
            connection = http.client.HTTPConnection(*self.admin, timeout=PATIENCE_S)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def wait_until_ready(self, tls=None):
        """Its event loops may still be about to begin when the log says that it has started."""
        wait_until(lambda: self.ask("GET", "/readyz", tls=tls)[0] == 200, PATIENCE_S, "/readyz is 200")

    def command(self, *words, **options):
        return subprocess.run(
            [self.binary, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options
        )


def on_loopback(binary, **variables):
    ports = {"listen_tcp": "127.0.0.1:0", "listen_zmq": "off", "admin": "127.0.0.1:0"}
    return Served(binary, **{**ports, **variables})
