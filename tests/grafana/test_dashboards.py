"""What Grafana would only show by looking wrong: the dashboards' structure, and how they, the data
source and Prometheus' configuration fit together."""

import itertools
import json
import os
import re

import pytest
import yaml

import dashboards
import picture_file

TOP = dashboards.TOP
ALL = dashboards.load_all()
PANELS = [(d.name, panel) for d in ALL for panel in d.json["panels"]]
DATA_PANELS = [(d.name, panel) for d in ALL for panel in d.panels]
TYPES = {"timeseries", "stat", "heatmap", "table", "bargauge", "state-timeline", "row"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRID_WIDTH = 24


def title(value):
    return value["title"] if isinstance(value, dict) else getattr(value, "name", value)


def read_yaml(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return yaml.safe_load(file)


def test_there_are_three():
    uids = {dashboard.json["uid"] for dashboard in ALL}
    assert uids == {"zerogate-overview", "zerogate-bridge", "zerogate-redis"}
    assert len({d.json["title"] for d in ALL}) == 3


@pytest.mark.parametrize("dashboard", ALL, ids=title)
def test_dashboard(dashboard):
    document = dashboard.json
    assert document["id"] is None, "an id belongs to one Grafana"
    assert document["schemaVersion"] >= 38, "older than Grafana 10"
    assert "zerogate" in document["tags"] and document["description"]
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    [link] = document["links"]
    assert link["type"] == "dashboards" and link["includeVars"] and link["keepTime"]


@pytest.mark.parametrize("dashboard", ALL, ids=title)
def test_grid(dashboard):
    cells = {}
    for panel in dashboard.json["panels"]:
        place = panel["gridPos"]
        # One that is repeated takes the whole width.
        width = GRID_WIDTH if "repeat" in panel else place["w"]
        assert 0 <= place["x"] and place["x"] + width <= GRID_WIDTH, panel["title"]
        rows = range(place["y"], place["y"] + place["h"])
        for cell in itertools.product(range(place["x"], place["x"] + width), rows):
            assert cell not in cells, f"{panel['title']} lies over {cells[cell]}"
            cells[cell] = panel["title"]
    height = 1 + max(y for _, y in cells)
    assert len(cells) == GRID_WIDTH * height, "there are gaps"


@pytest.mark.parametrize("dashboard", ALL, ids=title)
def test_variables(dashboard):
    by_name = {variable["name"]: variable for variable in dashboard.variables}
    assert {"datasource", "job", "instance", "protocol", "function"} <= by_name.keys()
    for name, variable in by_name.items():
        assert variable["label"] and variable["description"]
        if name == "datasource":
            assert variable["type"] == "datasource" and variable["query"] == "prometheus"
        else:
            assert variable["datasource"] == DATASOURCE
            assert variable["multi"] and variable["includeAll"]
    text = json.dumps([dashboard.json["panels"], dashboard.json["annotations"]])
    used = {name for pair in re.findall(r"\$(\w+)|\$\{(\w+)\}", text) for name in pair if name}
    used = {name for name in used if not name.startswith("__")}
    assert used == by_name.keys()


@pytest.mark.parametrize("name, panel", PANELS, ids=title)
def test_panel(name, panel):
    assert panel["type"] in TYPES
    if panel["type"] == "row":
        return
    assert panel["datasource"] == DATASOURCE
    assert panel["description"].endswith((".", ")")) and len(panel["description"]) > 30
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    if panel["type"] != "heatmap":
        assert defaults["thresholds"]["steps"][0]["value"] is None
    assert panel["targets"]
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)


@pytest.mark.parametrize("name, panel", DATA_PANELS, ids=title)
def test_targets(name, panel):
    for target in panel["targets"]:
        expr = target["expr"]
        assert target["datasource"] == DATASOURCE
        assert target["legendFormat"]
        assert target["instant"] != target["range"]
        selectors = re.findall(r"\{([^}]*)\}", expr)
        assert selectors
        for selector in selectors:
            assert 'job=~"$job", instance=~"$instance"' in selector, "shows others' gateways"
        windows = set(re.findall(r"\[(.*?)\]", expr))
        assert windows <= {"$__rate_interval", "$__range", "1d"}, "does not follow the zoom"
        if panel["type"] == "heatmap":
            assert target["format"] == "heatmap" and "by (le)" in expr
        if panel["type"] == "table":
            assert target["format"] == "table" and target["instant"]


def test_provisioning_fits_the_dashboards_and_prometheus():
    [source] = read_yaml("grafana", "provisioning", "datasources", "prometheus.yaml")["datasources"]
    [provider] = read_yaml("grafana", "provisioning", "dashboards", "zerogate.yaml")["providers"]
    prometheus = read_yaml("deploy", "prometheus", "prometheus.yml")
    for dashboard in ALL:
        [variable] = [v for v in dashboard.variables if v["name"] == "datasource"]
        assert variable["current"]["value"] == source["uid"]
        assert variable["current"]["text"] == source["name"]
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    assert provider["type"] == "file" and provider["folder"]


@pytest.mark.parametrize("dashboard", ALL, ids=title)
def test_the_picture_shows_this_dashboard(dashboard):
    path = picture_file.path_of(dashboard)
    assert os.path.exists(path), picture_file.HOW
    assert os.path.getsize(path) < picture_file.MAX_BYTES
    assert picture_file.digest(path) == dashboard.digest, f"it is older: {picture_file.HOW}"
    with open(os.path.join(TOP, "docs", "observability.md"), encoding="utf-8") as page:
        assert os.path.relpath(path, os.path.join(TOP, "docs")) in page.read()
