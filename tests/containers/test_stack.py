"""deploy/docker-compose.yaml: every service does its part, and the gateway comes and goes well.

The tests stand in the order of a stack's life, and share one stack.
"""

import asyncio
import json
import os
import urllib.parse
import urllib.request

import pytest

from containers import get, readme_lines
from load import KINDS, Load
from waiting import until, wait_until

START_S = 120  # generous: for whatever has to start on a busy machine
ORDER = {"user_id": "1", "items": ["apple", "python"]}


def test_the_lines_of_the_readme(stack):
    """But the first, which has started it, and the last two, which end it."""
    lines = readme_lines("Deploy")
    assert [line.split()[-1] for line in lines[-2:]] == ["stop", "-v"]
    count = next(line for line in lines if line.endswith("dbsize"))
    before = int(stack.shell(count))  # what other tests have left in this Redis
    outputs = [stack.shell(line) for line in lines[1:-2]]
    assert outputs[0].count("gateway") == 1
    assert '"status":0' in outputs[1]
    assert int(outputs[2]) == before + 1  # the order


def query(ports, expression):
    """The value of an instant query with one series; None before there is one."""
    path = "/api/v1/query?query=" + urllib.parse.quote(expression)
    status, text = get(ports.prometheus, path)
    assert status == 200, text
    found = json.loads(text)["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def test_it_is_restricted(stack):
    for service in ("gateway", "redis", "prometheus", "grafana"):
        inspected = stack.container(service).inspect()
        host = inspected["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["RestartPolicy"]["Name"] == "unless-stopped", service
        with open(f"/proc/{inspected['State']['Pid']}/status", encoding="utf-8") as file:
            status = file.read()
        assert "CapEff:\t0000000000000000" in status, service
        assert "NoNewPrivs:\t1" in status, service
        assert "Uid:\t0\t" not in status, service
        for bindings in (host.get("PortBindings") or {}).values():
            assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"], service


@pytest.mark.parametrize("kind", KINDS)
async def test_an_order_is_saved_in_its_redis(stack, ports, clients, kind):
    client = clients.open(kind, ports)
    assert await client.call("hello_world") == "hello world"
    order_id = (await client.call("save_order", ORDER))["order_id"]
    stored = stack.container("redis").execute("redis-cli", "--raw", "exists", order_id)
    assert stored.strip() == "1"
    saved = await client.call("get_order", order_id)
    assert saved["items"] == ORDER["items"]


def test_its_prometheus_scrapes_it(stack, ports):
    wait_until(lambda: query(ports, 'up{job="zerogate"}') == 1, START_S, "the target is up")
    orders = 'sum(zerogate_requests_total{function="save_order",outcome="ok"})'
    wait_until(lambda: query(ports, orders) == 1 + len(KINDS), START_S, "the orders are counted")
    status, text = get(ports.prometheus, "/api/v1/rules")
    assert status == 200 and json.loads(text)["data"]["groups"], "rules are loaded"


def test_the_links_of_its_alerts_lead_to_the_runbook(stack, ports):
    _, text = get(ports.prometheus, "/api/v1/rules")
    rules = [rule for group in json.loads(text)["data"]["groups"] for rule in group["rules"]]
    links = [rule["annotations"]["runbook_url"] for rule in rules if rule["type"] == "alerting"]
    pages = {urllib.parse.urlsplit(link).path for link in links}
    assert pages == {"/user/runbook.html"}
    assert get(ports.prometheus, "/user/runbook.html")[0] == 200
    assert "## ZerogateDown" in get(ports.prometheus, "/user/runbook.md")[1]


def test_its_configuration_is_taken_over_while_it_runs(stack, ports, config_folder):
    """The file is replaced, as editors do."""
    path = config_folder / "zerogate.yaml"
    changed = path.read_text().replace("  access: off ", "  access: all ")
    new = config_folder / "new.yaml"
    new.write_text(changed)
    new.chmod(0o644)
    new.replace(path)
    assert "access: all" not in get(ports.admin, "/config")[1]
    reload = urllib.request.Request(f"http://127.0.0.1:{ports.admin}/reload", method="POST")
    with urllib.request.urlopen(reload, timeout=30) as answer:
        assert answer.read().decode().strip() == "reloaded"
    assert "access: all" in get(ports.admin, "/config")[1]


def test_its_grafana_has_the_dashboards(stack, ports):
    """With a stand-in: only that the files are where Grafana looks, and readable for it."""
    wait_until(lambda: get(ports.grafana, "/api/health")[0] == 200, START_S, "grafana answers")
    grafana = stack.container("grafana")
    names = grafana.execute("ls", "/var/lib/grafana/dashboards").split()
    assert "overview.json" in names
    if "grafana" in os.environ["STAND_INS"]:
        files = [f"/var/lib/grafana/dashboards/{name}" for name in names]
        dashboards = grafana.execute("cat", *files)
        assert dashboards.count('"schemaVersion"') == len(names)
        for kind in ("dashboards", "datasources"):
            grafana.execute("ls", f"/etc/grafana/provisioning/{kind}")
        return
    found = json.loads(get(ports.grafana, "/api/search?type=dash-db")[1])
    assert len(found) == len(names)


async def answered_by_all(load):
    await until(lambda: all(load.answered(kind) for kind in KINDS), START_S, "calls are answered")


async def test_a_crash_under_load_is_followed_by_a_restart(stack, ports):
    gateway = stack.container("gateway")
    load = Load(ports).start()
    await answered_by_all(load)
    before = gateway.pid
    gateway.crash()
    await until(lambda: gateway.pid not in (0, before), START_S, "another process")
    await until(lambda: get(ports.admin, "/readyz")[0] == 200, START_S, "/readyz")
    answered = load.answered("tcp")
    await until(lambda: load.answered("tcp") > answered, START_S, "the same client goes on")
    await load.stop()
    # Not every ZeroMQ client survives: zeroapi's asynchronous one gives up after 5 s of silence.
    load = Load(ports).start()
    await answered_by_all(load)
    await load.stop()


async def test_stop_under_load_answers_what_is_in_flight(stack, ports, clients):
    """Orders wait for a Redis that is paused until the gateway has begun to drain."""
    slow = stack.with_variables(ZEROGATE_REDIS_TIMEOUT="30s")
    slow("up", "-d", "--no-deps", "gateway")
    await until(lambda: get(ports.admin, "/readyz")[0] == 200, START_S, "/readyz")
    gateway = slow.container("gateway")
    load = Load(ports).start()
    await answered_by_all(load)

    redis = slow.container("redis")
    redis.execute("redis-cli", "client", "pause", "60000", "write")
    orders = [
        asyncio.create_task(client.call("save_order", ORDER))
        for client in (clients.open(kind, ports, timeout_ms=60_000) for kind in KINDS[:2])
        for _ in range(4)
    ]
    in_flight = "zerogate_requests_in_flight"
    await until(lambda: total(ports, in_flight) >= len(orders), START_S, "the orders are in flight")

    stopping = asyncio.create_task(asyncio.to_thread(slow, "stop", "gateway"))
    await until(lambda: get(ports.admin, "/readyz")[0] == 503, START_S, "it drains")
    redis.execute("redis-cli", "client", "unpause")
    answers = await asyncio.gather(*orders)
    await stopping
    await load.stop()
    assert len({answer["order_id"] for answer in answers}) == len(orders)
    state = gateway.state
    assert (state["Running"], state["ExitCode"]) == (False, 0), gateway.logs()
    gateway.wait_for_log("calls_cut_off=0")


def total(ports, name):
    """The sum of a metric's series; 0 when it cannot be asked."""
    lines = get(ports.admin, "/metrics")[1].splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))


def test_nothing_is_left_after_down(stack):
    stack.down()
    assert stack.left_behind() == []
