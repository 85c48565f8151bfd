"""The gateway's counters that the steps look at."""

import collections
import re
from typing import NamedTuple

SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$", re.M)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Counters(NamedTuple):
    requests: collections.Counter  # of clients, answered well, by wire
    forwarded: int  # to the shop, answered well

    @classmethod
    def read(cls, text):
        """Out of the text of /metrics."""
        requests, forwarded = collections.Counter(), 0
        for name, labels, value in SAMPLE.findall(text):
            labels = dict(LABEL.findall(labels))
            if labels.get("outcome") != "ok" or labels.get("function") == "connect":
                continue  # `connect` is the ZeroMQ clients' handshake
            if name == "zerogate_requests_total":
                requests[labels["wire"]] += int(float(value))
            elif name == "zerogate_backend_requests_total":
                forwarded += int(float(value))
        return cls(requests, forwarded)
