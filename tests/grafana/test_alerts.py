"""Each alert says what to do, has been seen to fire and to stay quiet, and is written about."""

import glob
import os
import re
import subprocess

import pytest
import yaml

from dashboards import TOP

FOLDER = os.path.join(TOP, "deploy", "prometheus")
SECTION_PARTS = ("Stop the harm", "What it means", "What to look at", "What to do")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def rules_of(name):
    groups = yaml.safe_load(read(FOLDER, name))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def unit_tests():
    for path in glob.glob(os.path.join(FOLDER, "tests", "*.yml")):
        for test in yaml.safe_load(read(path))["tests"]:
            yield from test["alert_rule_test"]


RUNBOOK = "http://localhost:9090/user/runbook.html"
ALERTS = {rule["alert"]: rule for rule in rules_of("alerts.yml")}
RECORDS = {rule["record"] for rule in rules_of("rules.yml")}


@pytest.mark.parametrize("name", ALERTS)
def test_alert(name):
    rule = ALERTS[name]
    assert name.startswith("Zerogate")
    assert rule["for"]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOK}#{name.lower()}"


def test_the_runbook_is_where_the_links_of_the_stack_lead():
    compose = yaml.safe_load(read("deploy", "docker-compose.yaml"))["services"]["prometheus"]
    [assets] = [flag.split("=")[1] for flag in compose["command"] if "user-assets" in flag]
    assert f"../docs:{assets}:ro" in compose["volumes"]
    assert compose["ports"] == ["127.0.0.1:${PROMETHEUS_PORT:-9090}:9090"]
    assert RUNBOOK == "http://localhost:9090/user/runbook.html"


def test_the_links_can_lead_elsewhere():
    script = os.path.join(FOLDER, "alerts-with-runbook")
    other = "https://wiki.example.com/a&b|c.html"
    done = subprocess.run([script, other], capture_output=True, text=True, check=True)
    assert done.stdout == read(FOLDER, "alerts.yml").replace(RUNBOOK + "#", other + "#")
    assert other in done.stdout
    assert subprocess.run([script], capture_output=True).returncode == 2


@pytest.mark.parametrize("name", ALERTS)
def test_fires_and_stays_quiet(name):
    expected = [bool(test["exp_alerts"]) for test in unit_tests() if test["alertname"] == name]
    assert set(expected) == {True, False}, "deploy/prometheus/tests has one of both"


@pytest.mark.parametrize("name", ALERTS)
def test_runbook(name):
    sections = re.split(r"^## ", read("docs", "runbook.md"), flags=re.M)
    [section] = [text for text in sections if text.startswith(name + "\n")]
    found = re.findall(r"^\*\*(.*?)\.\*\*", section, flags=re.M)
    assert tuple(found) == SECTION_PARTS
    assert f"`{name}`" in read("docs", "observability.md")


def test_records_are_used_or_kept_for_long():
    text = read(FOLDER, "alerts.yml") + read(FOLDER, "rules.yml")
    for record in RECORDS - {r for r in RECORDS if r.startswith("job_wire:")}:
        documented = record in read("docs", "observability.md")
        assert documented or len(re.findall(re.escape(record) + r"\b", text)) > 1, record


def test_every_metric_of_the_rules_exists(played):
    there = {name for name, _, _ in played.gateway.metrics().samples} | {"up"}
    there |= {f"zerogate_memory_{name}_bytes" for name in ("limit", "working_set")}  # where a cgroup says so
    validity = "zerogate_tls_certificate_not_%s_timestamp_seconds"  # where there is a certificate
    there |= {validity % "before", validity % "after"}
    for rule in rules_of("alerts.yml") + rules_of("rules.yml"):
        names = re.findall(r"(?<![\w:])((?:zerogate|process)_\w+)(?![\w:])", rule["expr"])
        assert set(names) <= there


def test_promtool_likes_the_metrics(played):
    _, text = played.gateway.get("/metrics")
    check = ["promtool", "check", "metrics"]
    done = subprocess.run(check, input=text, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
