"""The storm with real sockets: see the file `run`."""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import random
import signal
import ssl
import sys
import tempfile
import time

import strangers
import verdict
from authority import Authority
from bridging import all_up
from faulty_proxy import FaultyProxy
from gateway import Gateway
from old_releases import make_environment
from peers import Caller, Service
from own_port import own_port
from redis_server import RedisServer
from waiting import until

OLD_SERVICE = "0.9.0"
# (port, kind, release): the real clients, of each wire that has one to speak it. They speak no TLS:
# a proxy does it for them.
CALLERS = [
    ("tcp", "async", "1.0.1"),
    ("tls", "async", "1.0.1"),
    ("zmq", "async", "1.0.1"),
    ("zmq", "sync", "1.0.1"),
    ("zmq", "sync", "0.9.0"),
    ("zmq", "sync", "0.7.0"),
    ("zmq", "sync", "0.6.0"),
    ("zmq", "sync", "0.5.2"),
]
FAULT_S = (0.2, 1.5)  # how long one lasts
CALM_S = (0.0, 0.4)  # and how long there is none
HEALED_S = 20  # from the last fault to every endpoint in use; a killed service starts meanwhile
SPARE_DESCRIPTORS = 40  # a reload may ask for 2 more connections to each endpoint from each thread
NOTHING_LEFT = ("zerogate_requests_in_flight", "zerogate_backend_queue", "zerogate_backend_in_flight")


def python_of(release):
    return sys.executable if release == "1.0.1" else make_environment(release)


class Storm:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.config_file = f"{directory}/zerogate.json"
        self.faults = collections.Counter()
        self.vanished = []
        self.version = 0
        self.gateway = None
        self.services, self.proxies, self.ways_in, self.callers = [], [], [], []

    async def open(self):
        # What it has answered is in its file, so a restart loses no order.
        self.redis = RedisServer(options=["--appendonly", "yes", "--appendfsync", "no"]).start()
        self.issue()
        self.services = [
            Service("tcp", self.directory, "tcp-1"),
            Service("tcp", self.directory, "tcp-2"),
            Service("zmq", self.directory, "zmq-1"),
            Service("zmq", self.directory, "zmq-old", python_of(OLD_SERVICE)),
        ]
        for service in self.services:
            service.start()
        for service in self.services:
            await asyncio.to_thread(service.wait)
        self.proxies = [
            await FaultyProxy(self.services[0].port).open(),
            await FaultyProxy(self.services[1].port, accept_tls=self.server_tls).open(),
            await FaultyProxy(self.services[2].port).open(),
            await FaultyProxy(self.services[3].port).open(),
        ]
        self.urls = [
            f"{kind}://127.0.0.1:{proxy.port}"
            for kind, proxy in zip(("tcp", "tls", "zmq", "zmq"), self.proxies)
        ]
        self.tls_port = own_port()
        self.ways_in = [await FaultyProxy(self.tls_port, connect_tls=self.client_tls).open()]
        self.write_config()
        binary = os.environ.get("ZEROGATE_BIN", "build/release/zerogate")
        arguments = ["--config", self.config_file, "--threads", str(self.options.threads)]
        self.gateway = Gateway(binary, self.redis.url(), arguments)
        await asyncio.to_thread(self.gateway.start)
        self.descriptors = self.open_descriptors()
        self.callers = [self.caller(n) for n in range(len(CALLERS))]

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.gateway.pid}/fd"))

    def issue(self):
        """Two certificates of the gateway's own, one after the other, and those of its peers."""
        self.authority = Authority(self.directory)
        for name in ("gateway-0", "gateway-1", "peer"):
            self.authority.issue(name, f"IP:127.0.0.1,URI:spiffe://storm/{name}")
        pair = self.authority.path("peer.crt"), self.authority.path("peer.key")
        self.client_tls = ssl.create_default_context(cafile=self.authority.crt)
        self.client_tls.load_cert_chain(*pair)
        self.server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server_tls.load_cert_chain(*pair)

    def caller(self, number):
        way, kind, release = CALLERS[number]
        ports = {"tcp": self.gateway.tcp_port, "tls": self.ways_in[0].port, "zmq": self.gateway.zmq_port}
        name = f"{number}-{way}-{kind}-{release}-{len(self.vanished)}"
        protocol = "zmq" if way == "zmq" else "tcp"
        return Caller(protocol, kind, ports[way], name, python_of(release))

    def write_config(self):
        """Another configuration each time: what a reload changes under load."""
        self.version += 1
        version = self.version
        mine = self.authority.path(f"gateway-{version % 2}")
        common = {"timeout": "1500ms", "queue": 50 + version % 3, "eject_after": 2 + version % 3}
        config = {
            "backends": {
                "tcp": {"url": self.urls[:2], "connections": 4 + version % 3, **common},
                "zmq": {"url": self.urls[2:], "connections": 1 + version % 2, **common},
            },
            "listen": {"tls": f"127.0.0.1:{self.tls_port}"},
            "tls": {
                "cert": mine + ".crt",
                "key": mine + ".key",
                "ca": self.authority.crt,
                "allow": ["spiffe://storm/peer"],
            },
            "handlers": ["save_order", "get_order"],
            "routes": [
                {"functions": ["tcp_*"], "backend": "tcp"},
                {"functions": ["zmq_*"], "backend": "zmq"},
            ],
            "drain_timeout": "5s",
        }
        config["backends"]["tcp"]["tls"] = {"ca": self.authority.crt}
        for name, backend in config["backends"].items():
            backend["idempotent"] = [f"{name}_token"]
        with open(self.config_file + ".new", "w", encoding="utf-8") as file:
            json.dump(config, file)
        os.replace(self.config_file + ".new", self.config_file)

    # The faults. Each lasts `seconds`, and is over when it returns.

    async def service_pauses(self, choose, seconds):
        service = choose.choice(self.services)
        service.pause()
        await asyncio.sleep(seconds)
        service.resume()

    async def service_dies(self, choose, seconds):
        service = choose.choice(self.services)
        await asyncio.to_thread(service.kill)
        await asyncio.sleep(seconds)
        service.start()

    def one_proxy(self, choose):
        return choose.choice(self.proxies + self.ways_in)

    async def network_resets(self, choose, seconds):
        self.one_proxy(choose).reset()

    async def network_closes_one_way(self, choose, seconds):
        self.one_proxy(choose).half_close()

    async def network_stalls(self, choose, seconds):
        with self.one_proxy(choose).stalled():
            await asyncio.sleep(seconds)

    async def network_is_slow(self, choose, seconds):
        with self.one_proxy(choose).slow():
            await asyncio.sleep(seconds)

    async def network_chops(self, choose, seconds):
        with self.one_proxy(choose).chopped():
            await asyncio.sleep(seconds)

    async def network_refuses(self, choose, seconds):
        proxy = self.one_proxy(choose)
        with proxy.refusing():
            proxy.reset()
            await asyncio.sleep(seconds)

    async def gateway_pauses(self, choose, seconds):
        os.kill(self.gateway.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(self.gateway.pid, signal.SIGCONT)

    async def gateway_reloads(self, choose, seconds):
        self.write_config()
        os.kill(self.gateway.pid, signal.SIGHUP)

    async def redis_dies(self, choose, seconds):
        await asyncio.to_thread(self.redis.kill)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.redis.restart)

    async def caller_vanishes(self, choose, seconds):
        number = choose.randrange(len(self.callers))
        await asyncio.to_thread(self.callers[number].kill)
        self.vanished.append(self.callers[number].name)
        self.callers[number] = self.caller(number)

    async def stranger_talks_nonsense(self, choose, seconds):
        port = choose.choice([self.gateway.tcp_port, self.gateway.zmq_port, self.tls_port])
        await strangers.talk_nonsense(port, choose, seconds)

    async def stranger_forgets_tls(self, choose, seconds):
        await asyncio.to_thread(strangers.forget_tls, self.tls_port, self.client_tls)

    async def stranger_closes_half(self, choose, seconds):
        await strangers.close_half(self.gateway.tcp_port, choose)

    async def rage(self, *faults):
        """One fault after the other, until the time is over."""
        end = time.monotonic() + self.options.seconds
        choose = random.Random(f"{self.options.seed} {faults[0].__name__}")
        while time.monotonic() < end:
            fault = choose.choice(faults)
            self.faults[fault.__name__] += 1
            await fault(choose, choose.uniform(*FAULT_S))
            await asyncio.sleep(choose.uniform(*CALM_S))

    async def rage_all(self):
        """What happens to peers and what the network does come at the same time, but never two
        faults of a kind: each has to end as it began."""
        rages = [
            self.rage(
                self.service_pauses, self.service_dies, self.redis_dies, self.caller_vanishes,
                self.gateway_reloads, self.gateway_pauses,
            ),
            self.rage(
                self.network_resets, self.network_closes_one_way, self.network_stalls,
                self.network_is_slow, self.network_chops, self.network_refuses,
                self.stranger_talks_nonsense, self.stranger_forgets_tls, self.stranger_closes_half,
            ),
        ]  # fmt: skip
        tasks = [asyncio.create_task(rage) for rage in rages]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:  # one that is left when the other has failed
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def verify(self):
        """Everything that has to hold once the faults are over."""
        for service in self.services:
            await asyncio.to_thread(service.wait)
        await until(all_up(self.gateway, len(self.services)), HEALED_S, "every endpoint is up again")
        for caller in self.callers:
            caller.stop()
        tallies = [await asyncio.to_thread(caller.tally) for caller in self.callers]
        verdict.answers_are_right(self.callers, tallies, self.services)
        verdict.orders_are_kept(tallies, self.redis.client())
        nothing_left = lambda: not any(self.gateway.metrics().total(n) for n in NOTHING_LEFT)
        await until(nothing_left, HEALED_S, f"{NOTHING_LEFT} are 0")
        verdict.counts_agree(tallies, self.gateway.metrics())
        verdict.forgotten_tls_is_counted(self.faults["stranger_forgets_tls"], self.gateway.metrics())
        no_leak = lambda: self.open_descriptors() <= self.descriptors + SPARE_DESCRIPTORS
        await until(no_leak, HEALED_S, f"{self.open_descriptors()} files, {self.descriptors} before")
        await asyncio.to_thread(self.gateway.stop)

    async def close(self):
        for caller in self.callers:
            caller.kill()
        if self.gateway:
            self.gateway.close()
        for proxy in self.proxies + self.ways_in:
            await proxy.close()
        for service in self.services:
            service.resume()
            service.kill()
        self.redis.close()


async def main():
    parser = argparse.ArgumentParser(prog="tests/storm/run")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=3)
    options = parser.parse_args()
    failure = None
    with tempfile.TemporaryDirectory(prefix="storm-") as directory:
        storm = Storm(options, directory)
        try:
            await storm.open()
            await storm.rage_all()
            await storm.verify()
        except AssertionError as error:
            failure = error
        finally:
            print("faults:", dict(storm.faults), flush=True)
            await storm.close()
    if failure and storm.gateway:
        print("\n".join(storm.gateway.lines[-40:]), file=sys.stderr)
    # The last line: the end of the log is what a run of all tests shows.
    return f"seed {options.seed}: {failure}" if failure else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
