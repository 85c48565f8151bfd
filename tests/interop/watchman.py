"""A process that outlives us, if only to kill what we left behind: servers in process groups of their
own, which no signal to ours reaches, when a test is killed or runs into its time limit."""

import contextlib
import functools
import os
import signal
import subprocess
import sys

KILL_AT_EOF = """
import os, signal, sys
guarded = set()
for line in sys.stdin:
    pid = int(line)
    guarded.add(pid) if pid > 0 else guarded.discard(-pid)
for pid in guarded:
    for kill in os.kill, os.killpg:
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
"""


class Watchman:
    def __init__(self):
        # Unbuffered: a line is one write, whichever thread it comes from.
        self._process = subprocess.Popen(
            [sys.executable, "-c", KILL_AT_EOF],
            stdin=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )

    def guard(self, pid):
        """A process and, when it leads one, its group."""
        self._process.stdin.write(b"%d\n" % pid)

    def release(self, pid):
        """It has ended: somebody else may have its number now."""
        self._process.stdin.write(b"%d\n" % -pid)


@functools.cache
def our_watchman():
    """Of this process: it works until we end, however that is."""
    return Watchman()


def start_group(command, **options):
    """The command in a process group of its own, which ends with us at the latest."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    our_watchman().guard(process.pid)
    return process


def kill_group(process):
    with contextlib.suppress(ProcessLookupError):  # all of it may have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    our_watchman().release(process.pid)
