"""The processes of the storm besides the gateway and Redis: services and callers."""

import json
import os
import signal
import subprocess
import sys
import tempfile

import raw
from own_port import own_port
from waiting import wait_until
from watchman import kill_group, start_group

HERE = os.path.dirname(os.path.abspath(__file__))
START_S = 60  # generous: a dozen interpreters start at once
END_S = 40  # a caller's patience and more


class Service:
    """A real Zero server as a process group; keeps its port and journal over kill() and start()."""

    def __init__(self, protocol, directory, name, python=sys.executable):
        self.protocol, self.port, self.journal = protocol, own_port(), f"{directory}/{name}.marks"
        # The ZeroMQ server of some releases leaves a socket in its working directory.
        self._directory = tempfile.mkdtemp(prefix=name, dir=directory)
        self._command = [python, f"{HERE}/service.py", protocol, str(self.port), self.journal]
        self._process = None

    def start(self):
        unheard = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = start_group(self._command, cwd=self._directory, **unheard)
        return self

    def wait(self):
        answers = raw.tcp_answers if self.protocol == "tcp" else raw.zmq_answers
        wait_until(lambda: answers(self.port), START_S, f"a service at port {self.port}")

    def kill(self):
        if self._process:
            kill_group(self._process)
            self._process = None

    def pause(self):
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self):
        if self._process:
            os.killpg(self._process.pid, signal.SIGCONT)

    def marks(self):
        if not os.path.exists(self.journal):
            return []
        with open(self.journal, encoding="utf-8") as journal:
            return journal.read().split()


class Caller:
    def __init__(self, protocol, kind, port, name, python=sys.executable):
        self.name = name
        self._process = subprocess.Popen(
            [python, f"{HERE}/caller.py", protocol, kind, str(port), name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self):
        """A client that vanishes with calls under way."""
        self._process.kill()
        self._process.communicate()

    def stop(self):
        self._process.terminate()

    def tally(self):
        """What it counted, once it has ended."""
        try:
            out, error = self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end: a call hangs") from None
        lines = [line for line in out.splitlines() if line.startswith('{"ok"')]
        assert lines, f"{self.name} died:\n{error[-2000:]}"
        return json.loads(lines[-1])
