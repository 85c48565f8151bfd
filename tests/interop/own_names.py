"""A name server that one gateway has for itself, by a resolv.conf in a mount namespace: nothing else
on the machine asks it. It says what a test tells it to say."""

import ipaddress
import os
import random
import socket
import struct
import subprocess
import threading

import pytest

WRAPPER = """#!/bin/sh
exec unshare --mount sh -c 'mount --bind {folder}/resolv.conf /etc/resolv.conf &&
mount --bind {folder}/nsswitch.conf /etc/nsswitch.conf &&
mount --bind {folder}/hosts /etc/hosts && exec "$0" "$@"' {binary} "$@"
"""

NXDOMAIN, SERVFAIL = 3, 2
A, AAAA = 1, 28


class OwnNames:
    """`names[name]` is a list of addresses, NXDOMAIN or SERVFAIL; of other names no word is said."""

    def __init__(self, folder, binary):
        if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
            pytest.skip("no mount namespaces here: a resolv.conf of the gateway's own needs one")
        self.names = {}
        self.asked = {}  # how often, by name, for addresses of IPv4
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._bind()
        address = self._socket.getsockname()[0]
        (folder / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:30 attempts:1\n")
        (folder / "nsswitch.conf").write_text("hosts: files dns\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n")
        wrapper = folder / "zerogate"
        wrapper.write_text(WRAPPER.format(folder=folder, binary=os.path.abspath(binary)))
        wrapper.chmod(0o755)
        self.program = str(wrapper)  # what to start instead of `binary`
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _bind(self):
        """Somewhere on loopback: resolv.conf knows no ports, and tests run beside each other."""
        while True:
            address = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
            try:
                return self._socket.bind((address, 53))
            except PermissionError:
                pytest.skip("port 53 is not for us")
            except OSError:
                continue

    def close(self):
        waker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        waker.sendto(b"", self._socket.getsockname())
        waker.close()
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            query, peer = self._socket.recvfrom(4096)
            if not query:
                return
            answer = self._answer(query)
            if answer:
                self._socket.sendto(answer, peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        (kind,) = struct.unpack(">H", query[at + 1 : at + 3])
        name = ".".join(labels)
        said = self.names.get(name)
        if kind == A:
            self.asked[name] = self.asked.get(name, 0) + 1
        if said is None:
            return None
        code = said if isinstance(said, int) else 0
        records = []
        for text in said if isinstance(said, list) else []:
            address = ipaddress.ip_address(text)
            if {A: 4, AAAA: 6}.get(kind) == address.version:
                data = address.packed
                records.append(struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(data)) + data)
        header = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return header + question + b"".join(records)


@pytest.fixture
def own_names(request, tmp_path):
    names = OwnNames(tmp_path, request.config.getoption("--zerogate"))
    yield names
    names.close()
