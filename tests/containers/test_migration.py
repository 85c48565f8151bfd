"""deploy/examples/migration in containers: each step, and what it prints."""

import os
import re

from containers import BUILD_S, TOP, Compose, attempt
from own_port import own_port

STEP = re.compile(r"==> (\d)\. ")
CLIENT = re.compile(r"    (\w+) +spoke (ZeroMQ|TCP)(?: \((\w+)\))? +to (the \w+).*: 20 of 20 answers right")


def test_every_step_in_containers(image):
    admin = own_port()
    environment = {**os.environ, "MIGRATION_ADMIN_PORT": str(admin)}
    command = [f"{TOP}/deploy/examples/migration/run", "--containers"]
    ended = attempt(command, timeout=BUILD_S, env=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    steps = {}
    for line in ended.stdout.splitlines():
        if STEP.match(line):
            current = steps.setdefault(int(STEP.match(line)[1]), {})
        elif CLIENT.match(line):
            name, *how = CLIENT.match(line).groups()
            current[name] = tuple(how)
    zmq, tcp = ("ZeroMQ", "W5", "the gateway"), ("TCP", "T3", "the gateway")
    assert steps == {
        1: dict.fromkeys(("checkout", "website", "reports"), ("ZeroMQ", None, "the shop")),
        2: {"checkout": zmq, "website": zmq, "reports": zmq},
        3: {"checkout": zmq, "website": tcp, "reports": zmq},
        4: {"checkout": tcp, "website": tcp, "reports": zmq},
        5: {"checkout": tcp, "website": tcp, "reports": tcp},
        6: dict.fromkeys(("checkout", "website", "reports"), ("TCP", None, "the shop")),
    }, ended.stdout
    assert Compose("zerogate-migration").left_behind() == []
