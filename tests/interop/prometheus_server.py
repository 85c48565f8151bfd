"""A real Prometheus with the configuration and the rules of deploy/prometheus, once a second."""

import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

from own_port import own_port
from waiting import PATIENCE_S, wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(TOP, "deploy", "prometheus")


# For tests that wait for alerts: rules look back this long, and alerts fire after this long.
QUICK_WINDOW, QUICK_FOR = "8s", "2s"


class Prometheus:
    """`quick`: every rule as it is written, but over seconds instead of minutes."""

    def __init__(self, *targets, quick=False):
        self._directory = tempfile.TemporaryDirectory(prefix="zerogate-prometheus-")
        self._targets = list(targets)
        self._quick = quick
        self._process = None
        self.port = own_port()

    def start(self):
        """Returns once it has scraped the target."""
        self._launch()
        wait_until(self._scraped, PATIENCE_S, f"Prometheus scrapes {self._targets}")
        return self

    def close(self):
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None
        self._directory.cleanup()

    @property
    def log(self):
        with open(self._path("log"), encoding="utf-8") as log:
            return log.read()

    def query(self, expr, at=None):
        """The instant vector or scalar `expr` at `at`, in seconds since 1970: [(labels, value)]."""
        data = self._get("query", query=expr, time=at or time.time())
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def query_range(self, expr, start, end, step):
        """[(labels, [(time, value)])]"""
        data = self._get("query_range", query=expr, start=start, end=end, step=step)
        return [
            (series["metric"], [(at, float(value)) for at, value in series["values"]])
            for series in data["result"]
        ]

    def samples(self, selector, since):
        """As they were scraped since then: [(labels, [(time, value)])]"""
        window_s = int(time.time() - since) + 1
        data = self._get("query", query=f"{selector}[{window_s}s]", time=time.time())
        found = [
            (series["metric"], [(at, float(value)) for at, value in series["values"] if at > since])
            for series in data["result"]
        ]
        return [(labels, values) for labels, values in found if values]

    def label_values(self, label, selector, start, end):
        return self._get(f"label/{label}/values", **{"match[]": selector}, start=start, end=end)

    def rules(self):
        """Every rule with its health, and every alert with its state."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def alert_state(self, name):
        [state] = [rule["state"] for rule in self.rules() if rule["name"] == name]
        return state

    def firing(self):
        """{(alert, instance)} of all that fire; a rule over all instances has None."""
        alerts = self._get("alerts")["alerts"]
        labels = [alert["labels"] for alert in alerts if alert["state"] == "firing"]
        return {(each["alertname"], each.get("instance")) for each in labels}

    def _rule_file(self, name):
        path = os.path.join(FOLDER, name)
        if not self._quick:
            return path
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"\[\d+m\]", f"[{QUICK_WINDOW}]", file.read())
        text = re.sub(r"^( +(?:for|interval)): \w+$", rf"\1: {QUICK_FOR}", text, flags=re.M)
        path = self._path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _launch(self):
        with open(os.path.join(FOLDER, "prometheus.yml"), encoding="utf-8") as file:
            config = yaml.safe_load(file)
        config["global"] = dict.fromkeys(config["global"], "1s")
        config["rule_files"] = [self._rule_file(name) for name in config["rule_files"]]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = self._targets
        with open(self._path("prometheus.yml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        command = ["prometheus", "--config.file", self._path("prometheus.yml")]
        command += ["--storage.tsdb.path", self._path("data"), "--log.level=warn"]
        command += ["--web.listen-address", f"127.0.0.1:{self.port}"]
        with open(self._path("log"), "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ended = lambda: self._process.poll() is not None
        wait_until(lambda: ended() or self._ready(), PATIENCE_S, "Prometheus is ready")
        assert not ended(), f"prometheus does not start:\n{self.log}"

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def _scraped(self):
        return self.query('up{job="zerogate"} == 1')

    def _get(self, path, **parameters):
        body = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{body}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")
            raise AssertionError(f"{error.code} {answer}\nasked for: {parameters}") from None

    def _path(self, name):
        return os.path.join(self._directory.name, name)
