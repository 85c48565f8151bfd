"""Redis by rediss://: a real redis-server with TLS."""

import shutil

import pytest
import yaml
from zero.error import RemoteException

from authority import Authority
from own_port import own_port
from redis_server import RedisServer
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

ORDER = {"user_id": "1", "items": ["apple", "python"]}
KINDS = ("tcp", "zmq_async")
HANDSHAKES = "zerogate_tls_handshakes_total"
RENEWED = "zerogate_tls_reloads_total"


class Tls:
    """A redis-server with a TLS port that wants a certificate, and the files for it."""

    def __init__(self, folder):
        self.authority = Authority(folder)
        self.authority.issue("redis", "DNS:localhost")
        self.authority.issue("gateway", "DNS:gateway")
        Authority(folder, "stranger").issue("foreign", "DNS:localhost")
        self.port = own_port()
        path = self.authority.path
        options = ["--tls-port", str(self.port), "--tls-cert-file", path("redis.crt")]
        options += ["--tls-key-file", path("redis.key"), "--tls-ca-cert-file", self.authority.crt]
        self.server = RedisServer(options=options)  # and a port without TLS, for the test itself

    def config(self, pair="gateway", ca=None, **more):
        path = self.authority.path
        own = {"tls_cert": path(pair + ".crt"), "tls_key": path(pair + ".key")} if pair else {}
        url = f"rediss://127.0.0.1:{self.port}/0"
        files = {"tls_ca": ca or self.authority.crt, "tls_name": "localhost"}
        return {"redis": {"url": url, **files, **own, **more}}


@pytest.fixture
def tls(tmp_path):
    made = Tls(tmp_path)
    made.server.start()
    yield made
    made.server.resume()
    made.server.close()


@pytest.fixture
def start(start_gateway, tmp_path):
    def begin(config):
        file = tmp_path / "zerogate.yaml"
        file.write_text(yaml.safe_dump(config))
        # What the file says is in force: no variable has another URL.
        return start_gateway(None, ["--config", str(file)])

    return begin


def handshakes(gateway, result):
    return gateway.metrics().total(HANDSHAKES, side="backend", result=result)


async def saves(client):
    saved = await client.call("save_order", ORDER)
    assert saved["status"] == 0
    return await client.call("get_order", saved["order_id"])


@pytest.mark.parametrize("kind", KINDS)
async def test_orders_are_saved_and_read_over_tls(start, tls, clients, kind):
    client = clients.open(kind, start(tls.config()))
    assert (await saves(client))["items"] == ORDER["items"]
    assert tls.server.client().dbsize() == 1
    await client.call("save_order", {"user_id": "1", "items": ["x" * 10_000] * 100})  # many records
    assert tls.server.client().dbsize() == 2


async def test_an_intermediate_ca_is_trusted_without_its_root(start, tls, clients):
    issuing = Authority(tls.authority.folder, "issuing", issuer=tls.authority)
    issuing.issue("redis", "DNS:localhost")
    tls.server.kill()
    tls.server.restart()  # with that certificate
    client = clients.open("tcp", start(tls.config(ca=issuing.crt)))
    assert (await saves(client))["items"] == ORDER["items"]


# Who it is, and what the log says.
WRONG = {
    "another CA": ({"ca": "stranger.crt"}, "untrusted"),
    "another name": ({"tls_name": "redis.internal"}, "not_allowed"),
    "no certificate": ({"pair": None}, None),
    "a foreign certificate": ({"pair": "foreign"}, None),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_who_is_not_trusted_is_not_used(start, tls, clients, wrong):
    options, result = WRONG[wrong]
    if "ca" in options:
        options = {"ca": tls.authority.path(options["ca"])}
    gateway = start(tls.config(**options))
    client = clients.open("tcp", gateway)
    with pytest.raises(RemoteException, match="redis unavailable"):
        await client.call("save_order", ORDER)
    assert tls.server.client().dbsize() == 0
    assert gateway.metrics().total("zerogate_redis_up") == 0
    if result:
        assert handshakes(gateway, result) > 0
        assert gateway.told('event="redis down"', "certificate")


async def test_it_is_used_again_when_it_is_back(start, tls, clients):
    gateway = start(tls.config())
    client = clients.open("tcp", gateway)
    await saves(client)
    tls.server.kill()
    with pytest.raises(RemoteException):
        await client.call("save_order", ORDER)
    tls.server.restart()
    up = lambda: gateway.metrics().total("zerogate_redis_up") == 1
    await until(up, PATIENCE_S, "Redis is up")
    await saves(client)


async def test_a_renewed_certificate_is_that_of_the_next_connection(start, tls, clients):
    config = tls.config("foreign")
    config["tls"] = {"watch": "50ms"}
    gateway = start(config)
    client = clients.open("tcp", gateway)
    with pytest.raises(RemoteException):
        await client.call("save_order", ORDER)
    for end in (".key", ".crt"):
        shutil.copy(tls.authority.path("gateway" + end), tls.authority.path("foreign" + end))
    await until(lambda: gateway.metrics().total(RENEWED, result="ok") >= 1, PATIENCE_S, "renewed")
    up = lambda: gateway.metrics().total("zerogate_redis_up") == 1
    await until(up, PATIENCE_S, "Redis is up")
    await saves(client)
