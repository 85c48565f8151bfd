"""The README's Python snippet, run as a reader would, against the gateway."""

import os
import re
import subprocess
import sys
import uuid

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def snippet(tcp_port, zmq_port):
    """The text of README.md's only Python block, with the default ports replaced."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```python\n(.*?)^```$", file.read(), re.M | re.S)
    assert len(blocks) == 1
    text, replaced = re.subn(
        r"\b(5559|5560)\b", lambda m: str(tcp_port if m[0] == "5559" else zmq_port), blocks[0]
    )
    assert replaced == 3
    return text


@pytest.mark.gateway
def test_the_snippet_of_the_readme(gateway):
    text = snippet(gateway.tcp_port, gateway.zmq_port)
    run = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert [lines[0], lines[2], lines[4]] == ["hello world"] * 3
    order = r"\{'order_id': '([0-9a-f-]{36})', 'status': 0, 'items': \['apple', 'python'\]\}"
    for line in (lines[1], lines[3]):
        match = re.fullmatch(order, line)
        assert match, line
        assert uuid.UUID(match.group(1)).version == 4
    assert re.match(r"\{'id': '[0-9a-f-]{36}', 'items': \['apple', 'python'\], ", lines[5])
    assert len(lines) == 6
    assert gateway.metrics().total("zerogate_requests_total", function="save_order") == 3
