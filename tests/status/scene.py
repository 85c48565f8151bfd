"""What the pictures show: a gateway with functions of its own and a bridge, under real traffic."""

import json
import os
import sys
import tempfile

INTEROP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop")
sys.path.insert(0, INTEROP)

from bridge_backend import Backend  # noqa: E402
from gateway import Gateway  # noqa: E402
from redis_server import RedisServer  # noqa: E402
from traffic import TrafficProcess  # noqa: E402


class Scene:
    def __init__(self, binary, per_second):
        self.redis = RedisServer().start()
        self.backends = [Backend(protocol).start() for protocol in ("tcp", "tcp", "zmq")]
        self._folder = tempfile.TemporaryDirectory(prefix="status-scene-")
        file = os.path.join(self._folder.name, "zerogate.yaml")
        with open(file, "w", encoding="utf-8") as config:
            json.dump(self._configuration(), config)  # JSON is YAML
        self.gateway = Gateway(binary, self.redis.url(), ["--config", file]).start()
        self.traffic = TrafficProcess(self.gateway, per_second, bridge=True)

    def _configuration(self):
        new, old, batch = (backend.url for backend in self.backends)
        return {
            "handlers": ["hello_world", "echo", "save_order", "get_order"],
            "backends": {
                "stock": {"url": [new, old], "idempotent": ["add", "sleep_ms"]},
                "mail": {"url": [batch]},
            },
            "routes": [
                {"functions": ["add", "sleep_ms"], "backend": "stock"},
                {"functions": ["boom"], "backend": "mail"},
            ],
        }

    def close(self):
        self.traffic.stop()
        self.gateway.close()
        for backend in self.backends:
            backend.close()
        self.redis.close()
        self._folder.cleanup()
