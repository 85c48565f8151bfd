"""An /etc/hosts that one gateway has for itself, in a mount namespace: nothing else on the machine
sees it. Its one name changes its addresses when a test says so."""

import os
import subprocess

import pytest

WRAPPER = """#!/bin/sh
exec unshare --mount sh -c 'mount --bind {hosts} /etc/hosts && exec "$0" "$@"' {binary} "$@"
"""


class OwnHosts:
    def __init__(self, folder, binary, name):
        if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
            pytest.skip("no mount namespaces here: an /etc/hosts of the gateway's own needs one")
        self._file = folder / "hosts"
        self._name = name
        self.program = str(folder / "zerogate")  # what to start instead of `binary`
        wrapper = folder / "zerogate"
        wrapper.write_text(WRAPPER.format(hosts=self._file, binary=os.path.abspath(binary)))
        wrapper.chmod(0o755)
        self()

    def __call__(self, *addresses):
        """From now on the name has these addresses."""
        self._file.write_text("".join(f"{address} {self._name}\n" for address in addresses))
