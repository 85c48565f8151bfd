"""The service manager's end of sd_notify(3): a real datagram socket, and the states that came."""

import socket

RECEIVE_TIMEOUT_S = 30  # generous: a sanitizer build on a busy machine


class NotifySocket:
    def __init__(self, name):
        """`name` as in NOTIFY_SOCKET: a path, or @ and an abstract name."""
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self._socket.settimeout(RECEIVE_TIMEOUT_S)

    def close(self):
        self._socket.close()

    def environment(self, **more):
        return {"NOTIFY_SOCKET": self.name, **more}

    def next(self):
        """The next state, by key."""
        lines = self._socket.recv(65536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def until(self, key, value="1"):
        """The states up to the first that says so; that one last."""
        states = []
        while not states or states[-1].get(key) != value:
            states.append(self.next())
        return states

    def pending(self):
        """All that has come by now."""
        self._socket.settimeout(0)
        states = []
        try:
            while True:
                states.append(self.next())
        except BlockingIOError:
            return states
        finally:
            self._socket.settimeout(RECEIVE_TIMEOUT_S)
