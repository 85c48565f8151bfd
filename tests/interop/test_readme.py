"""What README.md shows, run as a reader would: the Python snippet, the configuration, the commands."""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import uuid

import pytest
import yaml

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


MOST_LINES = 200  # what a newcomer reads
DOCUMENTS = ("README.md", "docs/bridge.md", "docs/configuration.md", "deploy/debian/zerogate.1")


def check(config, *arguments):
    command = [config.getoption("--zerogate"), "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_is_short():
    assert len((pathlib.Path(TOP) / "README.md").read_text().splitlines()) < MOST_LINES


@pytest.mark.gateway
def test_its_configuration_has_no_mistake(pytestconfig, tmp_path):
    text = (pathlib.Path(TOP) / "README.md").read_text()
    [block] = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    file = tmp_path / "zerogate.yaml"
    file.write_text(block)
    done = check(pytestconfig, "--config", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}: ok\n", "")


@pytest.mark.gateway
@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_it_starts_can_be_started(pytestconfig, document):
    """Each line with `zerogate serve` and flags is a configuration without a mistake."""
    text = (pathlib.Path(TOP) / document).read_text().replace("\\-", "-")
    shown = re.findall(r"zerogate serve (--[^`\n]+)", text)
    assert shown
    for line in shown:
        done = check(pytestconfig, *shlex.split(line))
        assert done.returncode == 0, f"{line}: {done.stderr}"


@pytest.mark.gateway
def test_the_gateway_in_an_existing_compose_file_can_be_started(pytestconfig):
    text = (pathlib.Path(TOP) / "docs" / "bridge.md").read_text()
    [block] = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    serve, *flags = yaml.safe_load(block)["services"]["zerogate"]["command"]
    assert serve == "serve"
    done = check(pytestconfig, *flags)
    assert done.returncode == 0, done.stderr
