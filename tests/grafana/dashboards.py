"""Dashboards as Grafana reads them: panels, variables, and the queries that come of both."""

import copy
import glob
import hashlib
import json
import os
import re
from dataclasses import dataclass

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(TOP, "grafana", "dashboards")
# In a regular expression, and that in a string of PromQL.
SPECIAL = re.compile(r"[\\^$*+?.()|{}\[\]]")


@dataclass
class Query:
    """One target of a panel, ready for Prometheus."""

    ref: str
    expr: str
    instant: bool
    legend: str


class Dashboard:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as file:
            self.json = json.load(file)

    @property
    def variables(self):
        return self.json["templating"]["list"]

    @property
    def panels(self):
        """Those that show data."""
        return [panel for panel in self.json["panels"] if panel["type"] != "row"]

    @property
    def digest(self):
        """Of what the file says, however it is indented."""
        text = json.dumps(self.json, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load_all():
    return [Dashboard(path) for path in sorted(glob.glob(os.path.join(FOLDER, "*.json")))]


class Everything(list):
    """All options, and the pattern that stands for them, if there is one."""

    def __init__(self, options, pattern):
        super().__init__(options)
        self.pattern = pattern


class Values:
    """What a user has chosen: {variable: [values]}, and the times that Grafana fills in."""

    def __init__(self, chosen, rate_interval_s, range_s):
        self.chosen = chosen
        self.times = {
            "__rate_interval": f"{rate_interval_s}s",
            "__interval": f"{max(1, rate_interval_s // 4)}s",
            "__range": f"{range_s}s",
        }

    def with_one(self, name, value):
        """As a panel sees them that is repeated for each value of `name`."""
        other = copy.copy(self)
        other.chosen = {**self.chosen, name: [value]}
        return other

    def fill(self, text, in_expression=True):
        """`text` with its variables filled in. One that nobody knows is an error."""

        def value(match):
            name = match.group(1) or match.group(2)
            if name in self.times:
                return self.times[name]
            values = self.chosen[name]
            return as_regex(values) if in_expression else " + ".join(values)

        return re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, text)


def as_regex(values):
    """Several values as Grafana's Prometheus data source writes them into a query."""
    if getattr(values, "pattern", None):
        return values.pattern
    escaped = [SPECIAL.sub(lambda match: "\\\\" + match.group(0), value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def choose(dashboard, label_values):
    """{variable: values}: as a user finds the dashboard who has just opened it. `label_values` asks
    Prometheus: (label, selector) -> values."""
    chosen = {}
    for variable in dashboard.variables:
        if variable["type"] != "query":
            continue
        query = Values(chosen, 4, 60).fill(variable["query"]["query"])
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        options = label_values(label, selector)
        current = variable["current"]["value"]
        if current == ["$__all"]:
            # With a value of its own for All, which is a pattern, the options do not matter.
            chosen[variable["name"]] = Everything(options, variable.get("allValue"))
        else:
            chosen[variable["name"]] = [value for value in current if value in options]
    return chosen


def copies(panel, values):
    """(title, values) of each panel that is shown: repeated ones are several."""
    name = panel.get("repeat")
    if name is None:
        return [(values.fill(panel["title"], in_expression=False), values)]
    each = [values.with_one(name, value) for value in values.chosen[name]]
    return [(one.fill(panel["title"], in_expression=False), one) for one in each]


def queries(panel, values):
    return [
        Query(t["refId"], values.fill(t["expr"]), t.get("instant", False), t["legendFormat"])
        for t in panel["targets"]
    ]
