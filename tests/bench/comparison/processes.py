"""What the comparison starts, and how all of it ends: by close() in the end, and by a watchman
should we be killed."""

import os
import tempfile

from watchman import kill_group, start_group


class Process:
    """A program in a process group of its own, which holds all that it starts itself."""

    def __init__(self, command, **options):
        self._directory = tempfile.TemporaryDirectory(prefix="zerogate-compare-")
        self._log_name = os.path.join(self._directory.name, "log")
        with open(self._log_name, "wb") as log:
            options = {"stdout": log, **options}
            # Zero's ZeroMQ server leaves a socket there.
            folder = self._directory.name
            self._process = start_group(command, cwd=folder, stderr=log, **options)

    @property
    def pid(self):
        return self._process.pid

    @property
    def stdout(self):
        return self._process.stdout

    def check(self):
        """It must not have ended."""
        assert self._process.poll() is None, f"{self._process.args} has ended: {self.log}"
        return True

    @property
    def log(self):
        with open(self._log_name, encoding="utf-8", errors="replace") as log:
            return log.read()[-2_000:]

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def close(self):
        kill_group(self._process)
        if self._process.stdout:
            self._process.stdout.close()
        self._directory.cleanup()


def cpu_seconds(pid):
    """What a process, or the processes of its group, have used. They do not end while we look."""
    ticks = 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8") as stat:
                front, _, back = stat.read().rpartition(")")
        except OSError:
            continue  # somebody else's has ended
        fields = back.split()  # from the state on, see proc(5): then ppid, pgrp, …
        if pid in (int(front.split()[0]), int(fields[2])):
            ticks += int(fields[11]) + int(fields[12])  # utime, stime
    return ticks / os.sysconf("SC_CLK_TCK")
