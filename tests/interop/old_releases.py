"""Environments with old releases of zeroapi, as PyPI still has them. old_client.py runs in each."""

import fcntl
import os
import subprocess
import sys
import venv

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "old_client.py")

# The first and the last release of each wire, and of each set of error keys.
RELEASES = {
    "0.0.1": "W1",
    "0.3.2": "W1",
    "0.3.3": "W2",
    "0.3.51": "W2",
    "0.3.60": "W2",
    "0.5.2": "W2",
    "0.6.0": "W3",
    "0.7.0": "W4",
    "0.8.0": "W5",
    "0.9.0": "W5",
}
# What they stand on, pinned as for the current release. 0.4.0 changed from one to the other.
DEPENDENCIES = ("pyzmq==27.3.0", "msgpack==1.2.4", "msgspec==0.22.0")
INSTALL_TIMEOUT_S = 120


def make_environment(release):
    """The interpreter of an environment with that release; made once, and kept in build/. Several
    suites may ask at the same time."""
    folder = os.path.join(TOP, "build", f"venv-zeroapi-{release}")
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _make_environment(folder, release)


def _make_environment(folder, release):
    python = os.path.join(folder, "bin", "python")
    stamp = os.path.join(folder, ".stamp")
    wanted = f"{sys.version} {release} {DEPENDENCIES}"
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return python
    venv.create(folder, clear=True, with_pip=False, symlinks=True)
    # This interpreter's pip, on the other's behalf: a pip of its own would take most of the time.
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-input"]
    pip += ["--retries", "1", "--disable-pip-version-check", f"zeroapi=={release}", *DEPENDENCIES]
    try:
        done = subprocess.run(pip, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
        failed = done.returncode != 0
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line]
        reason = lines[-1] if lines else done.stderr[-200:]
    except subprocess.TimeoutExpired:
        failed, reason = True, f"no answer within {INSTALL_TIMEOUT_S} s"
    if failed:
        pytest.skip(f"zeroapi {release} does not install from PyPI: {reason}")
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python
