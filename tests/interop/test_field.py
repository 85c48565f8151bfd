"""What people who run such gateways have reported elsewhere. Bad replies and gateways that are their
own backends are in test_bridge_replies.py, few descriptors and tasks in test_limits.py, names that
move in test_bridge_names.py, Redis' faults in test_redis_faults.py and test_redis_roles.py."""

import asyncio
import json
import os
import signal
import subprocess

import pytest
from zero.error import RemoteException

from bridging import all_up, one_backend
from gateway import Gateway
from own_hosts import OwnHosts
from scripted_backend import SCRIPTED, ScriptedZmq
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

PROTOCOLS = pytest.mark.parametrize("protocol", SCRIPTED)


def needs_namespaces():
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("no network namespaces here")


def run_alone(request, script, *arguments):
    """What a shell script says in a network of its own; $0 is the gateway's program."""
    needs_namespaces()
    binary = os.path.abspath(request.config.getoption("--zerogate"))
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, binary, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


# The only ephemeral port is the dead one of the backend: the kernel connects the gateway to itself.
ITSELF = """ip link set lo up; echo "40004 40004" > /proc/sys/net/ipv4/ip_local_port_range
"$0" serve --listen-tcp unix:"$1"/tcp --listen-zmq ipc:"$1"/zmq --admin 127.0.0.1:9464 \\
  --bridge $2://127.0.0.1:40004 --log-level info 2> "$1"/log & gateway=$!
for i in $(seq 300); do
  said=$("$0" call unix:"$1"/tcp echo '"mine"' 2>&1)
  case $said in *unavailable*refused*|*"not connected yet"*|*cannot*) ;; *) echo "$said";; esac
  case $said in *itself*|*mine*|*"something else"*) break;; esac
  sleep 0.02
done
kill $gateway; wait $gateway"""


@PROTOCOLS
def test_a_dead_backends_port_is_never_the_gateway_itself(protocol, request, tmp_path):
    """In the ephemeral range the kernel connects two SYNs that cross: the caller would get its own
    request back."""
    said = run_alone(request, ITSELF, tmp_path, protocol)
    assert "mine" not in said
    log = (tmp_path / "log").read_text()
    assert "endpoint up" not in log
    if protocol == "tcp":
        assert "the connection came back to itself" in said + log


@pytest.fixture
def hosts(request, tmp_path):
    return OwnHosts(tmp_path, request.config.getoption("--zerogate"), "orders")


@PROTOCOLS
async def test_an_address_that_another_service_has_got(protocol, hosts, redis, tmp_path, clients):
    """The name moves to an address where no server is yet, the old server stops, and a server of
    another service, with the same functions, starts at its address: it gets no call."""
    first = await SCRIPTED[protocol]({"who": lambda call: call.reply(b"\xa5first")}).open()
    hosts("127.0.0.1")
    (tmp_path / "zerogate.yaml").write_text(
        f"backends: {{b: {{url: '{protocol}://orders:{first.port}', resolve: 50ms}}}}\n"
        "routes: [{functions: ['*'], backend: b}]\n"
    )
    arguments = ["--config", str(tmp_path / "zerogate.yaml")]
    gateway = await asyncio.to_thread(Gateway(hosts.program, redis.url(), arguments).start)
    try:
        client = clients.open("tcp", gateway)
        assert await client.call("who") == "first"
        hosts("127.0.0.9")
        endpoints = lambda: gateway.metrics().values("zerogate_backend_up", "endpoint")
        await until(lambda: f"127.0.0.9:{first.port}" in endpoints(), PATIENCE_S, "it is seen")
        await first.close()
        await until(all_up(gateway, 0), PATIENCE_S, "it has gone")
        other = SCRIPTED[protocol]({"who": lambda call: call.reply(b"\xa5other")})
        other.port = first.port
        async with other:
            for _ in range(20):
                with pytest.raises(RemoteException, match="unavailable"):
                    await client.call("who")
                await asyncio.sleep(0.02)  # in sum longer than the backoff of a lost connection
            assert not other.received
            assert getattr(other, "accepted", 0) == 0
    finally:
        gateway.close()


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(") ", 1)[1][0]


@pytest.mark.parametrize("kind", ["tcp", "zmq_async"])
@PROTOCOLS
async def test_answers_that_came_while_the_gateway_stood_still(kind, protocol, start_bridge, clients):
    """As by a pause of the machine or a snapshot: the deadlines have passed, but the answers lie in
    the sockets."""
    calls = 24
    held = []
    async with SCRIPTED[protocol]({"work": held.append}) as backend:
        gateway = await start_bridge(config=one_backend(backend.url, timeout="2s"))
        await until(all_up(gateway, 1), PATIENCE_S, "it is up")
        client = clients.open(kind, gateway, parallel=calls)
        await client.call("warm")
        tasks = [asyncio.create_task(client.call("work", i)) for i in range(calls)]
        await until(lambda: len(held) == calls, PATIENCE_S, "all are at the server")
        os.kill(gateway.pid, signal.SIGSTOP)
        try:
            await until(lambda: state_of(gateway.pid) == "T", PATIENCE_S, "it stands still")
            for call in held:
                call.reply(call.data)
            await asyncio.sleep(2.5)  # all time-outs pass
        finally:
            os.kill(gateway.pid, signal.SIGCONT)
        assert await asyncio.gather(*tasks) == list(range(calls))
        metrics = gateway.metrics()
        assert metrics.total("zerogate_backend_up") == 1
        assert metrics.total("zerogate_requests_total", outcome="timeout") == 0


async def test_as_many_zeromq_connections_as_can_be_configured(start_bridge, clients):
    """More sockets than libzmq allows by default; and again as many beside them at a reload."""
    async with ScriptedZmq() as backend:
        config = one_backend(backend.url, connections=400)
        gateway = await start_bridge(config=config)
        client = clients.open("zmq_async", gateway)
        assert await client.call("f", 1) == 1
        connections = lambda: gateway.metrics().total("zerogate_backend_connections")
        await until(lambda: connections() == 400, PATIENCE_S, "all are there")
        config["backends"]["b"]["connections"] = 401
        gateway.config_file.write_text(json.dumps(config))
        os.kill(gateway.pid, signal.SIGHUP)
        await until(lambda: connections() == 401, PATIENCE_S, "the new ones came, the old ones went")
        assert await client.call("f", 2) == 2


# $2 is what closes the descriptor, as in 0<&-.
CLOSED = """eval '"$0" serve --listen-tcp unix:"$1"/tcp --listen-zmq ipc:"$1"/zmq --admin off'" $2 &"
for i in $(seq 500); do
  "$0" call unix:"$1"/tcp hello_world && break
  sleep 0.02
done
kill $!; wait $!; echo status $?"""


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_started_with_closed_standard_descriptors(closed, request, tmp_path):
    """As some supervisors do it: libuv closes none of them, so none may become one of its pipes."""
    binary = os.path.abspath(request.config.getoption("--zerogate"))
    done = subprocess.run(
        ["sh", "-c", CLOSED, binary, tmp_path, closed],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stdout == '"hello world"\nstatus 0\n', done.stderr


# One of two backends is in a network of its own, behind a pair of interfaces, and goes with it: what
# is sent there is lost, and no answer, FIN or RST ever comes. Its hardware address stays known, or
# the kernel would notice by itself. What is said to `orders` leads the way.
VANISHED = """folder=$1
ip link set lo up
mkfifo $folder/orders
unshare --net sh -c 'echo > "$1"/there; read link; ip link set peer up; ip addr add 10.9.0.2/24 dev peer
  "$0" serve --listen-tcp 10.9.0.2:7001 --listen-zmq 10.9.0.2:7002 --admin off \\
    2> "$1"/vanishes & server=$!
  read vanish; ip link set peer down; echo > "$1"/gone
  read end; kill $server; wait
' "$0" $folder < $folder/orders & vanishes=$!
exec 9> $folder/orders
until [ -e $folder/there ]; do sleep 0.02; done
ip link add near type veth peer name peer netns $vanishes
hardware=$(nsenter -t $vanishes -n ip -o link show peer | sed 's,.*link/ether ,,; s, .*,,')
ip link set near up; ip addr add 10.9.0.1/24 dev near
ip neigh replace 10.9.0.2 lladdr $hardware dev near nud permanent
echo go >&9
"$0" serve --listen-tcp 127.0.0.1:7001 --listen-zmq 127.0.0.1:7002 --admin off \\
  2> $folder/stays & stays=$!
for host in 10.9.0.2 127.0.0.1; do
  until "$0" call tcp://$host:7001 hello_world > /dev/null 2>&1; do sleep 0.02; done
done
"$0" serve --listen-tcp unix:$folder/tcp --listen-zmq off --admin off --config $folder/zerogate.yaml \
  2> $folder/gateway & gateway=$!
for i in $(seq 500); do
  [ $(grep -c '"endpoint up"' $folder/gateway) = 2 ] && break
  sleep 0.02
done
echo go >&9
until [ -e $folder/gone ]; do sleep 0.02; done
for i in $(seq 40); do
  "$0" call unix:$folder/tcp hello_world --timeout 10s 2>&1
done
echo go >&9
kill $gateway $stays; wait"""


@PROTOCOLS
def test_a_backend_that_vanishes_costs_what_it_was_sent_first(protocol, request, tmp_path):
    """No FIN, no RST, no error from the network: only what was sent within the first time-out is
    lost, and the rest goes to the other backend."""
    port = {"tcp": 7001, "zmq": 7002}[protocol]
    urls = [f"{protocol}://{host}:{port}" for host in ("10.9.0.2", "127.0.0.1")]
    config = one_backend(*urls, timeout="1s")
    (tmp_path / "zerogate.yaml").write_text(json.dumps(config))
    said = run_alone(request, VANISHED, tmp_path).splitlines()
    lost = [line for line in said if line != '"hello world"']
    log = (tmp_path / "gateway").read_text()
    assert len(said) == 40, log
    assert 1 <= len(lost) <= 2, said
    for line in lost:
        assert "did not answer within 1000 ms" in line or "failed under the call" in line
    first = said.index(lost[0])  # chance has it when the first call goes to that backend
    assert set(said[first + 5 :]) <= {'"hello world"'}


@PROTOCOLS
def test_a_command_finds_the_gateway_among_the_addresses_of_its_name(
    protocol, gateway, request, tmp_path
):
    hosts = OwnHosts(tmp_path, request.config.getoption("--zerogate"), "gateway")
    port = {"tcp": gateway.tcp_port, "zmq": gateway.zmq_port}[protocol]
    command = [hosts.program, "call", f"{protocol}://gateway:{port}", "hello_world"]
    hosts("127.0.0.1", "::1")  # of which getaddrinfo() gives the second one first
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, '"hello world"\n'), done.stderr
