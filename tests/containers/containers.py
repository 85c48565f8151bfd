"""Docker-compatible engines: containers and compose projects of the tests, by their command lines.

`tests/containers/engine` says in ENGINE and COMPOSE which they are.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(TOP, "tests", "interop"))  # its clients, its waiting, and ports
from waiting import PATIENCE_S, wait_until

IMAGE = "zerogate:local"  # as deploy/docker-compose.yaml names it
PROGRAM = "/usr/local/bin/zerogate"
BUILD_S = 2_400  # generous: a compiler on two cores that other suites use, too
COMMAND_S = 120
# What an administrator can take away is taken away.
RESTRICTED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def attempt(command, timeout=COMMAND_S, **options):
    """How it ended, with both streams."""
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, **options
    )


def run(command, **options):
    """Its stdout; it has to succeed."""
    done = attempt(command, **options)
    if done.returncode:
        text = f"{shlex.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        raise AssertionError(text)
    return done.stdout


def engine_command(*words):
    return [os.environ["ENGINE"], *words]


def engine(*words, **options):
    return run(engine_command(*words), **options)


def readme_lines(section):
    """The commands in the first block below a heading of README.md."""
    with open(f"{TOP}/README.md", encoding="utf-8") as file:
        text = file.read().split(f"\n## {section}\n", 1)[1]
    return text.split("```\n")[1].splitlines()


def get(port, path):
    """(status, text) of a page on loopback; (0, why) when there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


class Container:
    """One container, however it was started."""

    def __init__(self, name):
        self.name = name

    def inspect(self):
        return json.loads(engine("inspect", self.name))[0]

    @property
    def state(self):
        return self.inspect()["State"]

    @property
    def pid(self):
        """Of its first process, on this machine."""
        return self.state["Pid"]

    def execute(self, *command):
        return engine("exec", self.name, *command)

    def attempt(self, *command):
        return attempt(engine_command("exec", self.name, *command))

    def is_healthy(self):
        return self.attempt(PROGRAM, "healthcheck").returncode == 0

    def stop(self, grace_s=12):
        """As an engine does, with what must hold at every end."""
        engine("stop", "-t", str(grace_s), self.name)
        assert self.state["ExitCode"] == 0, self.logs()

    def logs(self):
        done = attempt(engine_command("logs", self.name))
        return done.stdout + done.stderr

    def wait_for_log(self, pattern):
        """The engine has a line some time after it was written, also that of an end."""
        told = lambda: re.search(pattern, self.logs())
        wait_until(told, PATIENCE_S, lambda: f"{pattern} in the log:\n{self.logs()}")

    def crash(self):
        """Ends it as a crash would: the engine is not asked, so its restart policy applies."""
        os.kill(self.pid, signal.SIGKILL)

    def remove(self):
        attempt(engine_command("rm", "-f", "-v", self.name))


class Compose:
    """A compose project on free ports, with nothing of it left in the end."""

    def __init__(self, project, *files, **variables):
        self.project = project
        self._files, self._variables = files, variables
        self._command = [*shlex.split(os.environ["COMPOSE"]), "-p", project]
        for file in files:
            self._command += ["-f", os.path.join(TOP, file)]
        self._environment = {**os.environ, **{key: str(value) for key, value in variables.items()}}

    def __call__(self, *words, **options):
        return run([*self._command, *words], env=self._environment, **options)

    def with_variables(self, **variables):
        """The same project, changed by some more variables."""
        return Compose(self.project, *self._files, **{**self._variables, **variables})

    def shell(self, line, **options):
        """A line as a reader types it, `docker-compose` being what this machine has of it."""
        assert line.startswith("docker-compose "), line
        line = line.replace("docker-compose", os.environ["COMPOSE"], 1)
        environment = {**self._environment, "COMPOSE_PROJECT_NAME": self.project}
        return run(["bash", "-c", line], cwd=TOP, env=environment, **options)

    def container(self, service):
        """Asked of the engine, which answers several times as fast as compose."""
        labels = {"project": self.project, "service": service}
        filters = [f"label=com.docker.compose.{key}={value}" for key, value in labels.items()]
        words = [word for each in filters for word in ("--filter", each)]
        return Container(engine("ps", "-a", "-q", *words).strip())

    def down(self):
        self("down", "-v", "-t", "10")

    def left_behind(self):
        """Names of containers, volumes and networks that still belong to it."""
        label = f"label=com.docker.compose.project={self.project}"
        left = engine("ps", "-a", "-q", "--filter", label).split()
        for kind in ("volume", "network"):
            left += engine(kind, "ls", "-q", "--filter", label).split()
        return left
