"""`zerogate check --diff`: what a reload would change of the gateway that runs, and what it would not."""

import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import yaml

from bridging import one_backend
from gateway import Gateway
from scripted_backend import ScriptedTcp, echo
from test_drain import post

pytestmark = pytest.mark.gateway

READ_AT = "zerogate_config_last_reload_success_timestamp_seconds"
UNTOLD = "; passwords and tokens are not compared"  # behind the first line, where there are any


def diff(binary, file, *flags):
    """(exit status, stdout, stderr)"""
    done = subprocess.run(
        [binary, "check", "--diff", "--config", str(file), *flags],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(name="running")
def running_fixture(binary, tmp_path):
    """(gateway, its file, its configuration). All that it is told stands there."""
    file = tmp_path / "zerogate.yaml"
    config = one_backend("tcp://127.0.0.1:1", timeout="5s")
    config["redis"] = {"url": "redis://:s3kret-w0rd@127.0.0.1:1/0"}
    file.write_text(json.dumps(config))
    gateway = Gateway(binary, config["redis"]["url"], ["--config", str(file)])
    config["listen"] = {
        "tcp": f"127.0.0.1:{gateway.tcp_port}",
        "zmq": f"127.0.0.1:{gateway.zmq_port}",
    }
    config["admin"] = f"127.0.0.1:{gateway.admin_port}"
    gateway.start()
    yield gateway, file, config
    gateway.close()


def write(file, config):
    file.write_text(json.dumps(config))


def test_the_same_is_told_to_be_in_force(binary, running):
    gateway, file, config = running
    write(file, config)
    status, out, err = diff(binary, file)
    place = f"127.0.0.1:{gateway.admin_port}"
    assert (status, out.splitlines()[-1], err) == (0, f"{place}: this is in force{UNTOLD}", "")
    config["redis"]["url"] = config["redis"]["url"].replace("s3kret-w0rd", "other")
    write(file, config)
    assert diff(binary, file)[:2] == (status, out)


def test_what_a_reload_changes_and_what_it_does_not(binary, running):
    gateway, file, config = running
    config["backends"]["b"]["timeout"] = "7s"
    config["threads"] = 2
    write(file, config)
    status, out, err = diff(binary, file)
    assert (status, err) == (0, "")
    shown = out.splitlines()
    assert shown[-8:] == [
        f"127.0.0.1:{gateway.admin_port}: differs from what is in force (- running, + written){UNTOLD}",
        "- threads: 1",
        "+ threads: 2",
        "  backends:",
        "    b:",
        "-     timeout: 5s",
        "+     timeout: 7s",
        "needs a restart: threads",
    ], out
    assert "s3kret" not in out
    read_at = gateway.metrics().total(READ_AT)
    assert read_at == pytest.approx(time.time(), abs=3600)
    assert post(gateway, "/reload") == 200
    assert gateway.metrics().total(READ_AT) > read_at
    status, out, _ = diff(binary, file)
    assert out.splitlines()[-3:] == ["- threads: 1", "+ threads: 2", "needs a restart: threads"], out


def test_a_reload_that_would_be_refused_is_foretold_in_its_words(binary, running):
    gateway, file, config = running
    no_routes = {key: value for key, value in config.items() if key != "routes"}
    for text, reason in (
        (json.dumps(no_routes), "no route is left of"),
        ("# emptied\n", "empty, or comments only"),
    ):
        file.write_text(text)
        status, out, err = diff(binary, file, "--admin", config["admin"])
        [foretold] = [line for line in out.splitlines() if line.startswith("a reload would be refused: ")]
        assert (status, err) == (1, "") and reason in foretold
        refused = urllib.request.Request(f"http://{config['admin']}/reload", method="POST")
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(refused, timeout=20)
        assert foretold.partition("refused: ")[2] in error.value.read().decode()
    assert gateway.get("/readyz")[0] == 200


def reload(admin):
    """The status of POST /reload."""
    request = urllib.request.Request(f"http://{admin}/reload", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_file_that_said_nothing_before_may_say_nothing_again(binary, tmp_path):
    """All that this gateway is told are flags, of which `check` gets only some."""
    file = tmp_path / "zerogate.yaml"
    file.write_text("# to be written\n")
    gateway = Gateway(binary, "redis://127.0.0.1:1/0", ["--config", str(file)]).start()
    try:
        admin = f"127.0.0.1:{gateway.admin_port}"
        status, out, err = diff(binary, file, "--admin", admin)
        assert (status, err) == (0, "") and "differs from what is in force" in out
        assert "refused" not in out and "#" not in out
        assert reload(admin) == 200
    finally:
        gateway.close()


def test_a_file_that_says_nothing_any_more_is_refused_though_nothing_differs(binary, running):
    """What the file said before are the defaults, or stands in flags now."""
    gateway, file, config = running
    flags = ["--admin", config["admin"], "--redis", config["redis"]["url"]]
    flags += ["--listen-tcp", config["listen"]["tcp"], "--listen-zmq", config["listen"]["zmq"]]
    write(file, {"admin": config["admin"], "redis": config["redis"], "listen": config["listen"], "routes": []})
    assert reload(config["admin"]) == 200
    file.write_text("# emptied\n")
    status, out, err = diff(binary, file, *flags)
    assert (status, err) == (1, ""), out
    assert "this is in force" in out and "empty, or comments only" in out.splitlines()[-1]
    assert reload(config["admin"]) == 400
    assert gateway.get("/readyz")[0] == 200


def test_what_cannot_be_together_until_a_restart_is_foretold(binary, running):
    _, file, config = running
    own = config["listen"]["tcp"]
    moved = {**config, "listen": {**config["listen"], "tcp": "127.0.0.1:0"}}
    write(file, {**moved, "backends": {"b": {"url": f"tcp://{own}"}}})
    status, out, err = diff(binary, file)
    assert (status, err) == (1, "")
    *_, restart, foretold = out.splitlines()
    assert restart == "needs a restart: listen.tcp"
    assert foretold.startswith(f"a reload would be refused: {file}: backends.b.url: tcp://{own} is this gateway's own")
    assert foretold.endswith("; or restart: until then listen.tcp stays as it is")


def test_an_emptied_list_is_shown_as_empty(binary, running):
    _, file, config = running
    write(file, {**config, "rate_limits": [{"functions": "f", "rate": "1/s"}]})
    _, out, _ = diff(binary, file)
    assert "-   []\n" in out and "+   - functions:" in out, out
    write(file, config)
    _, out, _ = diff(binary, file)
    assert "[]" not in out, out


def test_what_the_host_has_lowered_is_no_difference(binary, running):
    gateway, file, config = running
    config["limits"] = {"connections": 1_000_000}
    write(file, config)
    gateway.restart()
    effective = yaml.safe_load(gateway.get("/config")[1])["limits"]["connections"]
    assert effective < 1_000_000, "this machine has descriptors without end"
    status, out, _ = diff(binary, file)
    assert (status, out.splitlines()[-1].partition(": ")[2]) == (0, f"this is in force{UNTOLD}")


def test_the_gateway_that_runs_is_found_where_it_was_started(binary, running):
    gateway, file, config = running
    moved = {**config, "admin": "127.0.0.1:2"}
    write(file, moved)
    status, out, err = diff(binary, file)
    assert (status, err) == (0, "")
    assert f"- admin: 127.0.0.1:{gateway.admin_port}\n+ admin: 127.0.0.1:2\n" in out
    assert out.endswith("needs a restart: admin\n")
    gateway.stop()
    status, _, err = diff(binary, file)
    assert status == 1 and "connection refused" in err


async def test_a_mistake_is_told_before_anything_is_asked(binary, start_bridge):
    async with ScriptedTcp({"f": echo}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url))
        gateway.config_file.write_text("nonsense: 1\n")
        status, out, err = diff(binary, gateway.config_file)
        assert (status, out) == (2, "") and "unknown key 'nonsense'" in err
