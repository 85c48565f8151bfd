"""In the guest of tests/cgroup2/run: a gateway in a cgroup of version 2, under peers that have the
kernel keep as much as it will. Prints "RESULT case ok", or what was wrong instead of ok."""

import contextlib
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

MIB = 1 << 20
TCP, ZMQ, ADMIN = 5559, 5560, 9464
PATIENCE_S = 60
HONEST_CALLS = 20
CGROUPS = "/sys/fs/cgroup"
DISK = "/dev/nvme0n1"

NIL = b"\xc0"
GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\0NULL" + b"\0" * 48
READY = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"


def binary(size):
    return b"\xc6" + struct.pack(">I", size) + bytes(size)


def tcp_call(function, data=NIL):
    name = function.encode()
    payload = b"\x82\xa2fn" + bytes([0xA0 | len(name)]) + name + b"\xa4data" + data
    return struct.pack(">IIB", 5 + len(payload), 1, 0) + payload


def zmq_call(function, data=NIL):
    body = bytes(16) + function.encode().ljust(80) + data
    return b"\x02" + struct.pack(">Q", len(body)) + body


class Gateway:
    """In a cgroup of its own."""

    def __init__(self, case, limit, threads, kind="max"):
        self._disk = None
        self.cgroup = f"{CGROUPS}/{case}"
        os.mkdir(self.cgroup)
        self._write(f"memory.{kind}", limit)
        with contextlib.suppress(OSError):
            self._write("memory.swap.max", 0)
        environment = {**os.environ, "ZEROGATE_THREADS": str(threads), "ZEROGATE_LOG_LEVEL": "error"}
        self.process = subprocess.Popen(
            ["/zerogate", "serve"],
            preexec_fn=lambda: self._write("cgroup.procs", os.getpid()),
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        # The admin port listens first.
        wait_until(lambda: self.page("/healthz")[0] == 200 and listens(TCP) and listens(ZMQ), "it serves")

    def _write(self, file, text):
        with open(f"{self.cgroup}/{file}", "w", encoding="ascii") as opened:
            opened.write(str(text))

    def page(self, path):
        try:
            url = f"http://127.0.0.1:{ADMIN}{path}"
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    def use(self):
        """(bytes in use, of these what its own metric says)"""
        with open(f"{self.cgroup}/memory.current", encoding="ascii") as current:
            own = re.search(r"^zerogate_memory_working_set_bytes (\S+)$", self.page("/metrics")[1], re.MULTILINE)
            return int(current.read()), float(own.group(1))

    def read_disk(self, size):
        """Something in its cgroup reads so much once: the kernel keeps that while there is room, and
        while the device is open."""
        self._disk = open(DISK, "rb")
        script = f"echo $$ >{self.cgroup}/cgroup.procs; dd if={DISK} of=/dev/null bs=1M count={size // MIB}"
        subprocess.run(["sh", "-c", script], check=True, stderr=subprocess.DEVNULL)

    def rejected(self):
        counts = r'^zerogate_connections_rejected_total\{[^}]*reason="(?:receive|send)_memory"\} (\d+)$'
        return sum(map(int, re.findall(counts, self.page("/metrics")[1], re.MULTILINE)))

    def killed(self):
        """By the kernel, for want of memory."""
        with open(f"{self.cgroup}/memory.events", encoding="ascii") as events:
            return int(re.search(r"^oom_kill (\d+)", events.read(), re.MULTILINE).group(1)) > 0

    def end(self):
        self.process.kill()
        self.process.wait()
        if self._disk:
            self._disk.close()


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {PATIENCE_S} s: {what}")
        time.sleep(0.02)


def connect(port=TCP, receive_buffer=0):
    peer = socket.socket()
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.settimeout(PATIENCE_S)
    peer.connect(("127.0.0.1", port))
    return peer


def listens(port):
    try:
        connect(port).close()
        return True
    except OSError:
        return False


class Senders:
    """Peers that send as much of `data` as is taken, read nothing, and come back when they are ended;
    with `breaks` they break the protocol once they have sent all."""

    def __init__(self, count, data, port=TCP, breaks=False):
        self._data, self._port, self._breaks = memoryview(data), port, breaks
        self._left_behind = []  # else they would be closed
        self._peers = [self._connect() for _ in range(count)]

    def _connect(self):
        peer = connect(self._port, 4096 if self._breaks else 0)
        peer.setblocking(False)
        return [peer, 0]

    def round(self):
        for peer in self._peers:
            try:
                if peer[1] < len(self._data):
                    peer[1] += peer[0].send(self._data[peer[1] : peer[1] + (256 << 10)])
                elif self._breaks:
                    peer[0].send(bytes(9))
                    self._left_behind.append(peer[0])
                    peer[:] = self._connect()
            except BlockingIOError:
                pass
            except OSError:
                with contextlib.suppress(OSError):
                    peer[:] = self._connect()


def honest_call():
    try:
        with connect() as client:
            client.sendall(tcp_call("hello_world"))
            return client.recv(64).endswith(b"hello world")
    except OSError:
        return False


def read_files(case, limit):
    """Files that were read once fill the cgroup, and clients are slow to read. The kernel takes the
    files' memory back when it needs some: nobody has to go."""
    gateway = Gateway(case, limit, 1)
    try:
        gateway.read_disk(limit * 3 // 4)
        clients = [connect(receive_buffer=4096) for _ in range(100)]
        for client in clients:
            client.sendall(SLOWLY_READ)
        waiting = r"^zerogate_requests_total\{.*function=\"echo\",outcome=\"ok\"\} 100$"
        wait_until(lambda: re.search(waiting, gateway.page("/metrics")[1], re.MULTILINE), "all are answered")
        used, own = gateway.use()
        if used < limit * 3 // 4 or not used / 10 < own < limit / 2:
            return f"in use are {used} bytes, by its own metric {own:.0f}: the test shows nothing"
        if gateway.rejected():
            return f"{gateway.rejected()} clients had to go, while {used - own:.0f} bytes of files were kept"
        return "the kernel has killed the gateway" if gateway.killed() else "ok"
    finally:
        gateway.end()


def run(case, limit, senders, threads=1, files=0, kind="max"):
    """Until all honest calls are answered, while the senders go on. `files`: bytes read before."""
    gateway = Gateway(case, limit, threads, kind)
    if files:
        gateway.read_disk(files)
    answered = []

    def call():
        for _ in range(HONEST_CALLS):
            answered.append(honest_call())
            time.sleep(0.2)

    try:
        peers = [Senders(*sender) for sender in senders]
        caller = threading.Thread(target=call)
        caller.start()
        while caller.is_alive() and not gateway.killed():
            for each in peers:
                each.round()
        caller.join()
        if gateway.killed():
            return "the kernel has killed the gateway"
        if not all(answered):
            return f"{answered.count(False)} of {len(answered)} honest calls were not answered"
        return "ok" if gateway.rejected() else "no peer had to go: the test shows nothing"
    finally:
        gateway.end()


UNFINISHED = tcp_call("echo", binary(200_000))[:100_000]
UNREAD = tcp_call("echo", binary(50_000)) * 60
LONG = tcp_call("echo", binary(300_000)) * 10
ABANDONED = tcp_call("echo", binary(18_000))
SLOWLY_READ = tcp_call("echo", binary(90_000))
ZMQ_UNREAD = GREETING + READY + zmq_call("echo", binary(50_000)) * 60

CASES = {
    "frames-that-never-end": (run, 64 * MIB, [(1_000, UNFINISHED)]),
    "replies-that-are-not-read": (run, 64 * MIB, [(600, UNREAD)]),
    "replies-that-are-not-read-in-16-MiB": (run, 16 * MIB, [(200, UNREAD)]),
    "replies-that-are-not-read-over-zmq": (run, 64 * MIB, [(400, ZMQ_UNREAD, ZMQ)]),
    "long-frames-at-full-speed": (run, 64 * MIB, [(300, LONG)]),
    "replies-that-are-left-behind": (run, 64 * MIB, [(600, ABANDONED, TCP, True)]),
    "everything-at-once": (
        run,
        64 * MIB,
        [
            (200, UNFINISHED),
            (150, UNREAD),
            (100, LONG),
            (150, ABANDONED, TCP, True),
            (150, ZMQ_UNREAD, ZMQ),
        ],
        2,
    ),
    "files-that-were-read": (read_files, 64 * MIB),
    "replies-that-are-not-read-under-memory.high": (run, 64 * MIB, [(600, UNREAD)], 1, 0, "high"),
    # The files' memory becomes the connections', and what is in use does not grow by that.
    "replies-that-are-not-read-beside-files": (run, 64 * MIB, [(600, UNREAD)], 1, 80 * MIB),
}


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (20_000, 20_000))
    for case, arguments in CASES.items():
        started = time.monotonic()
        try:
            result = arguments[0](case, *arguments[1:])
        except Exception as error:  # the next case may still say something
            result = f"{type(error).__name__}: {error}"
        print(f"RESULT {case} {result}", flush=True)
        print(f"# {time.monotonic() - started:.1f} s", flush=True)


sys.exit(main())
