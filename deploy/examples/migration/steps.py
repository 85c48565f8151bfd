"""Goes through the migration step by step. Started by `run`, which has set everything up.

usage: steps.py local|containers [--pause]

What is printed of a client is proved: the gateway's zerogate_requests_total, read before and after
the client ran, says which wire it spoke, and the shop says itself which protocol it was started
with. The first thing that is not as it should be ends the run with status 1.
"""

import select
import sys

from counters import Counters
from sites import ContainerSite, LocalSite, answer

NAMES = {"zmq": "ZeroMQ", "tcp": "TCP"}
WIRES = {"W5": "zmq", "T3": "tcp"}  # the wires of zeroapi 1.0.1
CLIENTS = ("checkout", "website", "reports")  # website is asynchronous, the others are not


class Wrong(Exception):
    """Something is not as this step promises."""


def expect(condition, what):
    if not condition:
        raise Wrong(what)


def command(client, protocol):
    """A client's command line, but for the address. A synchronous client that moves becomes an
    asynchronous one: zeroapi 1.0.1 has no synchronous client for TCP."""
    if client == "website" or protocol == "tcp":
        return ["async_client.py", protocol]
    return ["client.py"]


def run_client(site, client, protocol, port):
    """Runs it once; returns how many calls were answered, all of them right."""
    text = site.run_client(command(client, protocol), port)
    said = answer(text)
    expect(said, f"{client} failed: {text.strip()}")
    expect(not said["wrong"], f"{client} got wrong answers: {said['wrong']}")
    expect(said["spoke"] == protocol, f"{client} spoke {said['spoke']}, not {protocol}")
    return said["calls"]


def address_of(site, client, moved):
    """The protocol and the port of the gateway that the client uses by now."""
    return ("tcp", site.tcp_port) if client in moved else ("zmq", site.zmq_port)


def pause(site, moved):
    """Until Enter the clients go on calling, so that a dashboard has something to show."""
    if "--pause" not in sys.argv:
        return
    print(f"    the clients go on calling, see {site.dashboard}; Enter goes on", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for client in CLIENTS:
            run_client(site, client, *address_of(site, client, moved))
    sys.stdin.readline()


def show(client, protocol, whom, calls):
    print(f"    {client:9} spoke {protocol:11} to {whom}: {calls} of {calls} answers right")


def without_gateway(site, protocol, port):
    """Every client calls the shop itself."""
    speaks = site.ask_shop()
    expect(speaks == protocol, f"the shop speaks {speaks}, not {protocol}")
    expect(not site.gateway_runs(), "a gateway runs")
    for client in CLIENTS:
        calls = run_client(site, client, protocol, port)
        show(client, NAMES[protocol], "the shop", calls)
    print(f"    no gateway runs; the shop says that it speaks {NAMES[protocol]}")


def through_gateway(site, moved):
    """Every client calls the gateway: over TCP when it has moved, over ZeroMQ when not."""
    speaks = site.ask_shop()
    expect(speaks == "tcp", f"the shop speaks {speaks}, not tcp")
    first = before = Counters.read(site.metrics())
    for client in CLIENTS:
        protocol, port = address_of(site, client, moved)
        calls = run_client(site, client, protocol, port)
        after = Counters.read(site.metrics())
        seen = after.requests - before.requests
        expect(len(seen) == 1 and seen.total() == calls, f"of {client} the gateway saw {dict(seen)}")
        wire = next(iter(seen))
        expect(WIRES.get(wire) == protocol, f"{client} spoke {wire} to the gateway")
        forwarded = after.forwarded - before.forwarded
        expect(forwarded == calls, f"{forwarded} of {calls} calls of {client} were forwarded")
        before = after
        show(client, f"{NAMES[protocol]} ({wire})", "the gateway, and that TCP to the shop", calls)
    show_shares(before.requests - first.requests)
    pause(site, moved)


def show_shares(requests):
    total = requests.total()
    shares = [
        f"{NAMES[protocol]} {requests[wire]} ({round(100 * requests[wire] / total)} %)"
        for wire, protocol in WIRES.items()
    ]
    print(f"    the gateway counted {total} calls: {', '.join(shares)}")


def step(number, text):
    print(f"==> {number}. {text}", flush=True)


def go(site):
    step(1, f"before: the shop speaks ZeroMQ on {site.where(site.zmq_port)}")
    site.start_shop("zmq", site.zmq_port)
    without_gateway(site, "zmq", site.zmq_port)

    step(2, f"the gateway in the shop's place on {site.where(site.zmq_port)}, the shop behind it on TCP")
    site.stop_shop()
    site.start_shop_behind_gateway()
    site.start_gateway()
    through_gateway(site, moved=())

    moved = []
    for number, client in enumerate(("website", "checkout", "reports"), start=3):
        step(number, f"{client} moves to TCP, the gateway's port {site.where(site.tcp_port)}")
        moved.append(client)
        through_gateway(site, moved)

    step(6, f"after: the shop in the gateway's place on {site.where(site.tcp_port)}, over TCP")
    site.stop_gateway()
    site.stop_shop()
    site.start_shop("tcp", site.tcp_port)
    without_gateway(site, "tcp", site.tcp_port)
    print("==> every step went as it should: every call was answered, and rightly")


def main():
    site = {"local": LocalSite, "containers": ContainerSite}[sys.argv[1]]()
    try:
        if "--pause" in sys.argv:
            site.start_dashboard()
        go(site)
    except Wrong as error:
        print(f"steps.py: {error}", file=sys.stderr)
        return 1
    finally:
        site.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
