"""Commands whose output cannot be written say so, and do not pass for a success."""

import subprocess

import pytest

pytestmark = pytest.mark.gateway

COMMANDS = [
    ["call", "tcp://127.0.0.1:{tcp}", "hello_world"],
    ["backends", "--admin", "127.0.0.1:{admin}"],
    ["clients", "--admin", "127.0.0.1:{admin}"],
    ["clients", "--watch", "--admin", "127.0.0.1:{admin}"],
    ["functions", "--json"],
    ["check"],
    ["check", "--diff", "--admin", "127.0.0.1:{admin}"],
    ["--help"],
    ["--version"],
]


def run_into_a_full_disk(request, gateway, words):
    words = [word.format(tcp=gateway.tcp_port, admin=gateway.admin_port) for word in words]
    command = [request.config.getoption("--zerogate"), *words]
    with open("/dev/full", "wb") as full:
        return subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_disk_is_an_error(request, gateway, words):
    done = run_into_a_full_disk(request, gateway, words)
    assert done.returncode == 1 and "cannot write to stdout" in done.stderr


def test_a_full_disk_is_no_reason_to_replace_a_healthy_gateway(request, gateway):
    words = ["healthcheck", "--admin", "127.0.0.1:{admin}"]
    assert run_into_a_full_disk(request, gateway, words).returncode == 0
