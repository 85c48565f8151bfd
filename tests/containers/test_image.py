"""The image: what is in it, and that it asks for nothing that an administrator may take away."""

import json
import re
import socket

import raw
from conftest import REVISION
from containers import PROGRAM, TOP, attempt, engine, engine_command, get
from own_port import own_port
from waiting import wait_until

START_S = 60  # generous: a busy machine
CONNECTIONS = 1_000
UNFINISHED = 100_000  # bytes of a frame that never ends
ECHO = raw.t3_frame(1, raw.t3_payload("echo", b"\x01"))
ECHOED = raw.t3_frame(1, b"\x01")


def configuration(image):
    return json.loads(engine("inspect", image))[0]["Config"]


def test_it_is_labelled_with_what_the_program_says(image):
    with open(f"{TOP}/CMakeLists.txt", encoding="utf-8") as file:
        version = re.search(r"project\(zerogate VERSION (\S+)", file.read()).group(1)
    labels = configuration(image)["Labels"]
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.revision"] == REVISION
    assert engine("run", "--rm", image, "--version") == f"zerogate {version} ({REVISION})\n"


def test_it_runs_as_nobody_in_particular_and_checks_itself(image):
    config = configuration(image)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", config["User"])
    assert config["Entrypoint"] == [PROGRAM]  # no shell between it and signals
    # podman keeps it beside the rest, not in it.
    inspected = json.loads(engine("inspect", image))[0]
    check = config.get("Healthcheck") or inspected["Healthcheck"]
    assert check["Test"] == ["CMD", PROGRAM, "healthcheck"]


def test_nothing_of_the_build_is_left_in_it(image):
    query = ("--entrypoint", "dpkg-query", image, "-W", "-f", "${Package}\n")
    packages = engine("run", "--rm", *query).split()
    assert "libuv1" in packages
    assert not [name for name in packages if re.match(r"(g\+\+|gcc-\d+|cmake|ninja|.*-dev)$", name)]
    assert engine("run", "--rm", "--entrypoint", "ls", image, "-A", "/var/lib/apt/lists") == ""


def test_it_needs_no_capability_no_known_user_and_no_disk(start_container):
    container = start_container("--user", "54321:54321")
    wait_until(container.is_healthy, START_S, "zerogate healthcheck")
    for url in ("tcp://127.0.0.1:5559", "zmq://127.0.0.1:5560"):
        assert container.execute(PROGRAM, "call", url, "hello_world") == '"hello world"\n'
    assert container.execute("id", "-u") == "54321\n"
    assert "CapEff:\t0000000000000000" in container.execute("cat", "/proc/1/status")
    assert "Read-only file system" in container.attempt("touch", "/x").stderr
    container.stop()


def test_its_threads_follow_the_cpu_limit(start_container):
    container = start_container("--cpus", "1")
    wait_until(container.is_healthy, START_S, "zerogate healthcheck")
    container.wait_for_log(r"\bthreads=1\b")


def test_a_health_check_fails_where_nothing_runs(image):
    check = attempt(engine_command("run", "--rm", image, "healthcheck"))
    assert check.returncode == 1
    why = "127.0.0.1:9464: connection refused; is the gateway running?"
    assert check.stderr.splitlines()[-1] == f"zerogate healthcheck: {why}"


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=START_S)


def is_echoed(connection):
    connection.sendall(ECHO)
    answer = b""
    while len(answer) < len(ECHOED):
        part = connection.recv(len(ECHOED))
        if not part:
            return False
        answer += part
    return answer == ECHOED


def test_1000_hostile_connections_in_64_mib(start_container):
    """Each sends 100 KB of a frame that never ends: 100 MB, were they kept."""
    tcp, admin = own_port(), own_port()
    published = ("-p", f"127.0.0.1:{tcp}:5559", "-p", f"127.0.0.1:{admin}:9464")
    container = start_container("--memory=64m", "--memory-swap=64m", *published)
    wait_until(lambda: get(admin, "/readyz")[0] == 200, START_S, "/readyz")
    container.wait_for_log("buffers follow the cgroup's memory limit")

    peers = [connect(tcp) for _ in range(CONNECTIONS)]
    assert all(is_echoed(peer) for peer in peers)
    unfinished = raw.t3_frame(1, raw.t3_payload("echo", bytes(2 * UNFINISHED)))[:UNFINISHED]
    for peer in peers:
        try:
            peer.sendall(unfinished)
        except OSError:
            pass  # its connection had to make room, as it should
    shed = r'rejected_total\{protocol="tcp",reason="receive_memory"\} [1-9]'
    wait_until(lambda: re.search(shed, get(admin, "/metrics")[1]), START_S, "connections are shed")
    with connect(tcp) as newcomer:
        assert is_echoed(newcomer)
    state = container.state
    assert state["Running"] and not state.get("OOMKilled"), state
    for peer in peers:
        peer.close()
    container.stop()
