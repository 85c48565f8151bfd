"""The servers that are compared. Each has urls by protocol and tells what CPU it has used; all of
them listen on free ports of loopback."""

import os
import shutil
import subprocess
import sys
import textwrap

import gateway as gateway_process
import raw
from own_port import own_port
from redis_server import RedisServer
from waiting import PATIENCE_S, wait_until
from watchman import our_watchman

from comparison.processes import Process, cpu_seconds

HERE = os.path.dirname(os.path.abspath(__file__))
INTEROP = os.path.join(os.path.dirname(os.path.dirname(HERE)), "interop")


class Peers:
    """Starts them. Everything is ended, the last first, when `stack` is."""

    def __init__(self, stack, program):
        self._stack, self._program = stack, program
        self._built = os.path.dirname(program)

    def redis(self):
        return self._guarded(RedisServer()).url()

    def gateway(self, redis_url, *flags, environment=None):
        return self._guarded(Gateway(self._program, redis_url, flags, environment))

    def tcp_gateway(self, redis_url, environment):
        """Without ZeroMQ: a process' file descriptors are shared out between the listeners."""
        gateway = Gateway(self._program, redis_url, ["--listen-zmq", "off"], environment)
        gateway.listeners = {"tcp", "admin"}
        return self._guarded(gateway)

    def zero(self, protocol, kind, workers, redis_url):
        port = own_port()
        script = os.path.join(HERE, "zero_server.py")
        words = [protocol, str(port), kind, str(workers), redis_url]
        return self._python(script, words, protocol, port)

    def python_bridge(self, backend_port, workers):
        port = own_port()
        script = os.path.join(HERE, "python_bridge.py")
        return self._python(script, [str(port), str(backend_port), str(workers)], "zmq", port)

    def bare_tcp_server(self):
        return self._yardstick("bare_tcp_server", "tcp")

    def bare_router(self):
        return self._yardstick("bare_router", "zmq")

    def zmq_forwarder(self, backend_port):
        return self._yardstick("zmq_forwarder", "zmq", str(backend_port))

    def haproxy(self, backend_port):
        """One thread, as the gateway has; the rest is HAProxy's own default for TCP."""
        port = own_port()
        config = f"""
            global
                nbthread 1
                maxconn 4096
            defaults
                mode tcp
                timeout connect 1s
                timeout client 1m
                timeout server 1m
            frontend zero
                bind 127.0.0.1:{port}
                default_backend servers
            backend servers
                server one 127.0.0.1:{backend_port}
        """
        read, write = os.pipe()
        with os.fdopen(write, "w") as file:
            file.write(textwrap.dedent(config))
        program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
        try:
            process = self._process([program, "-db", "-f", f"/dev/fd/{read}"], pass_fds=[read])
        finally:
            os.close(read)
        return self._answering(process, "tcp", port)

    def _guarded(self, peer):
        """One of the interop tests' processes."""
        peer.start()
        pid = peer.pid
        our_watchman().guard(pid)

        def end():
            peer.close()
            our_watchman().release(pid)

        self._stack.callback(end)
        return peer

    def _process(self, command, **options):
        process = Process(command, **options)
        self._stack.callback(process.close)
        return process

    def _python(self, script, words, protocol, port):
        environment = {**os.environ, "PYTHONPATH": INTEROP}
        process = self._process([sys.executable, script, *words], env=environment)
        return self._answering(process, protocol, port)

    def _yardstick(self, name, protocol, *words):
        command = [os.path.join(self._built, name), *words]
        process = self._process(command, stdout=subprocess.PIPE)
        line = process.stdout.readline()
        assert line, f"{name} does not listen: {process.log}"
        return Server(process, protocol, int(line))

    def _answering(self, process, protocol, port):
        ask = raw.tcp_answers if protocol == "tcp" else raw.zmq_answers
        wait_until(lambda: process.check() and ask(port), PATIENCE_S, f"{process.pid} answers")
        return Server(process, protocol, port)


class Server:
    """One protocol on one port."""

    def __init__(self, process, protocol, port):
        self.process, self.protocol, self.port = process, protocol, port

    def url(self, protocol):
        assert protocol == self.protocol
        return f"{protocol}://127.0.0.1:{self.port}"

    def port_of(self, protocol):
        assert protocol == self.protocol
        return self.port

    def cpu_seconds(self):
        return self.process.cpu_seconds()


class Gateway(gateway_process.Gateway):
    def url(self, protocol):
        return f"{protocol}://127.0.0.1:{self.port_of(protocol)}"

    def port_of(self, protocol):
        return self.tcp_port if protocol == "tcp" else self.zmq_port

    def cpu_seconds(self):
        return cpu_seconds(self.pid)
