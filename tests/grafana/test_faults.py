"""The alerts over real faults: a real Prometheus with the shipped rules, over seconds instead of minutes,
scrapes gateways that are ill, one that is well and one that is gone."""

import contextlib
import os
import subprocess
import urllib.request

import pytest
import yaml

from dashboards import TOP
from gateway import Gateway
from prometheus_server import Prometheus
from own_port import own_port
from redis_server import RedisServer
from waiting import PATIENCE_S, wait_until

BINARY = os.environ.get("ZEROGATE_BIN", os.path.join(TOP, "build", "release", "zerogate"))
NO_REDIS = "redis://127.0.0.1:1/0"
FUNCTION_LABELS = 200
BUSY = {"ZerogateLoopLag", "ZerogateLoopStuck", "ZerogateLatencyOverBudget"}  # of the machine, perhaps
RATES = {"ill": 5, "well": 400}  # calls a second: the failures are about one in a hundred of all


@contextlib.contextmanager
def called(gateway, function, rate):
    """`zerogate bench` calls it all the while."""
    command = [BINARY, "bench", f"tcp://127.0.0.1:{gateway.tcp_port}", function]
    command += ["--connections", "2", "--rate", str(rate), "--duration", f"{2 * PATIENCE_S}s"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as load:
        try:
            yield
        finally:
            load.terminate()


@pytest.fixture
def ill(tmp_path):
    """Its backend's name is never found, it has as many functions as labels, and its file is broken."""
    names = [f"f{i}" for i in range(FUNCTION_LABELS)]
    path = tmp_path / "ill.yaml"
    backends = {"orders": {"url": "tcp://nosuch.invalid:5559"}}
    routes = [{"functions": names, "backend": "orders"}]
    path.write_text(yaml.safe_dump({"backends": backends, "routes": routes}))
    gateway = Gateway(BINARY, NO_REDIS, ["--config", str(path)]).start()
    path.write_text("routes: nonsense\n")
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.admin_port}/reload", method="POST")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)
    yield gateway
    gateway.close()


@pytest.fixture
def well():
    gateway = Gateway(BINARY, NO_REDIS).start()
    yield gateway
    gateway.close()


@pytest.fixture
def lost(well, tmp_path):
    """(gateway, Redis): one of the endpoints is away; its Redis is still there."""
    redis = RedisServer().start()
    path = tmp_path / "lost.yaml"
    urls = [f"tcp://127.0.0.1:{well.tcp_port}", "tcp://127.0.0.1:1"]
    routes = [{"functions": "hello_world", "backend": "orders"}]
    config = {"backends": {"orders": {"url": urls}}, "routes": routes, "handlers": ["save_order"]}
    path.write_text(yaml.safe_dump(config))
    gateway = Gateway(BINARY, redis.url(), ["--config", str(path)]).start()
    yield gateway, redis
    gateway.close()
    redis.close()


def test_what_is_ill_or_gone_is_told_and_what_is_well_is_not(ill, lost, well):
    lost, redis = lost
    at = {name: f"127.0.0.1:{port}" for name, port in
          {"ill": ill.admin_port, "lost": lost.admin_port, "well": well.admin_port,
           "gone": own_port()}.items()}  # fmt: skip
    expected = {
        ("ZerogateDown", at["gone"]),
        ("ZerogateBackendDown", at["ill"]),
        ("ZerogateInstanceErrorRatio", at["ill"]),
        ("ZerogateFunctionErrorRatio", None),
        ("ZerogateReloadRefused", at["ill"]),
        ("ZerogateFunctionLabelsFull", at["ill"]),
        ("ZerogateEndpointDown", at["lost"]),
        ("ZerogateRedisDown", at["lost"]),
    }
    prometheus = Prometheus(*at.values(), quick=True)
    try:
        with called(ill, "f0", RATES["ill"]), called(well, "hello_world", RATES["well"]):
            prometheus.start()
            # By the rule that remembers it, which is evaluated less often than gateways are scraped.
            seen_up = lambda: prometheus.query("job_instance:zerogate_redis_up:last_seconds")
            wait_until(seen_up, PATIENCE_S, "a rule has seen Redis up")
            redis.kill()
            silent = lambda: expected - prometheus.firing()
            wait_until(lambda: not silent(), PATIENCE_S, lambda: f"alerts of {silent()}")
            others = {name for name, _ in prometheus.firing() - expected}
            assert others <= BUSY, "the well one, or all together, are accused too"
    finally:
        prometheus.close()
