"""deploy/examples/mtls/run: it ends well, and has proved its three points."""

import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIMEOUT_S = 150  # generous: it takes about 20 s, the virtual environment included


def test_every_point():
    ended = subprocess.run(
        [f"{TOP}/deploy/examples/mtls/run"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.findall(r"^==> (\d)\. ", ended.stdout, re.M) == list("123")
    assert ended.stdout.count("20 of 20 answers right\n") == 2
    refused = re.findall(r"TLS handshake refused\" reason=(\w+) peer=127\.0\.0\.1:\d+ error=", ended.stdout)
    assert refused == ["untrusted", "not_allowed"]
