"""deploy/examples/kubernetes: real Kubernetes schemas, what a cluster checks beyond them, and our own
rules for a pod; and the configurations inside, read by the gateway itself."""

import re
import socket
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

from conftest import TOP, run

FOLDER = TOP / "deploy" / "examples" / "kubernetes"
MONITORING = FOLDER / "monitoring.yaml"  # of the Prometheus operator, whose schemas are its own
EXAMPLES = sorted(set(FOLDER.glob("*.yaml")) - {MONITORING})
PRE_STOP_AND_DRAIN_S = 5 + 8
NATIVE_SIDECARS = "1.29"


def documents(file):
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def of_kind(file, kind):
    return [document for document in documents(file) if document["kind"] == kind]


def gateways(file):
    """(pod, container) of every gateway."""
    for deployment in of_kind(file, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        for container in pod["containers"] + pod.get("initContainers", []):
            if container["name"] == "gateway":
                yield pod, container


each_example = pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)


def test_there_are_examples():
    assert len(EXAMPLES) == 3


@each_example
@pytest.mark.parametrize("kubernetes", ["1.25", NATIVE_SIDECARS, kubernetes_validate.latest_version()])
def test_every_document_is_valid(file, kubernetes):
    native = any("restartPolicy" in container for _, container in gateways(file))
    if native and kubernetes < NATIVE_SIDECARS:
        # 1.25 does not know a container's restartPolicy: the check does see such things.
        with pytest.raises(kubernetes_validate.ValidationError, match="restartPolicy"):
            for document in documents(file):
                kubernetes_validate.validate(document, kubernetes, strict=True)
        return
    for document in documents(file):
        kubernetes_validate.validate(document, kubernetes, strict=True)


@each_example
def test_what_one_object_says_of_another_is_true(file):
    names = {(document["kind"], document["metadata"]["name"]) for document in documents(file)}
    assert len(names) == len(documents(file))
    for deployment in of_kind(file, "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        pod = deployment["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for volume in pod["volumes"]:
            assert ("ConfigMap", volume["configMap"]["name"]) in names
        ports = set()
        for container in pod["containers"] + pod.get("initContainers", []):
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
            own = {port["name"] for port in container.get("ports", [])}
            probes = [value for key, value in container.items() if key.endswith("Probe")]
            assert {probe["httpGet"]["port"] for probe in probes if "httpGet" in probe} <= own
            ports |= own
        for policy in of_kind(file, "NetworkPolicy"):
            assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
            named = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
            assert set(named) <= ports
        for service in of_kind(file, "Service"):
            if service["spec"]["selector"].items() <= labels.items():
                assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


@each_example
def test_pods_are_locked_down_and_have_time_to_drain(file):
    found = list(gateways(file))
    assert found
    for pod, container in found:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in pod["containers"] + pod.get("initContainers", []):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert each["resources"]["limits"]["memory"]
        assert pod["terminationGracePeriodSeconds"] > PRE_STOP_AND_DRAIN_S
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


@each_example
def test_the_gateway_takes_the_configuration(file, build, tmp_path):
    """With the arguments, the mount and the ports of the container that it is for."""
    [(pod, container)] = gateways(file)
    [config_map] = of_kind(file, "ConfigMap")
    command, flag, path = container["args"]
    [mount] = container["volumeMounts"]
    assert (command, flag) == ("serve", "--config")
    assert path == f"{mount['mountPath']}/zerogate.yaml"
    configuration = tmp_path / "zerogate.yaml"
    configuration.write_text(config_map["data"]["zerogate.yaml"])
    assert run(build / "zerogate", "check", "--config", configuration) == f"{configuration}: ok\n"

    parsed = yaml.safe_load(configuration.read_text())
    listening = {"admin": parsed["admin"], **parsed["listen"]}
    for port in container["ports"]:
        host, _, number = listening[port["name"]].rpartition(":")
        assert (host, int(number)) == ("0.0.0.0", port["containerPort"])


@each_example
def test_the_admin_port_is_for_prometheus_and_the_kubelet_only(file):
    """It takes POST /reload and POST /log from everybody who reaches it."""
    [policy] = of_kind(file, "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    for rule in policy["spec"]["ingress"]:
        if {"port": "admin"} in rule["ports"]:
            [source] = rule["from"]
            assert rule["ports"] == [{"port": "admin"}]
            assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}


def test_a_service_beside_its_gateway_says_when_it_listens():
    [deployment] = of_kind(FOLDER / "service-sidecar.yaml", "Deployment")
    [service] = [c for c in deployment["spec"]["template"]["spec"]["containers"] if c["name"] != "gateway"]
    [python, _, program] = service["readinessProbe"]["exec"]["command"]
    assert python == "python"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        ours = program.replace("5560", str(port))
        assert ours != program
        run(sys.executable, "-c", ours)
    assert subprocess.run([sys.executable, "-c", ours], stderr=subprocess.DEVNULL).returncode == 1


def test_every_gateway_is_scraped_as_the_job_of_the_alerts():
    [monitor] = documents(MONITORING)
    [selected] = monitor["spec"]["selector"]["matchExpressions"]
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert {"targetLabel": "job", "replacement": "zerogate"} in endpoint["relabelings"]
    for file in EXAMPLES:
        for deployment in of_kind(file, "Deployment"):
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            assert labels[selected["key"]] in selected["values"], file
        [(_, container)] = gateways(file)
        assert endpoint["port"] in [port["name"] for port in container["ports"]]


def test_the_readme_scrapes_by_annotation_as_that_job_too(tmp_path):
    [config] = re.findall(r"^```yaml\n(.*?)^```", (FOLDER / "README.md").read_text(), re.M | re.S)
    # Debian's promtool is built without the discovery of Kubernetes.
    checked = config.replace("kubernetes_sd_configs: [{role: pod}]", "static_configs: [{targets: [a]}]")
    assert checked != config
    (tmp_path / "prometheus.yml").write_text(checked)
    run("promtool", "check", "config", "--syntax-only", tmp_path / "prometheus.yml")
    assert yaml.safe_load(config)["scrape_configs"][0]["job_name"] == "zerogate"


def test_the_rules_for_the_operator_are_those_of_the_project(tmp_path):
    printed = run(FOLDER / "prometheus-rules", "https://wiki.example.com/r.html")
    rules, alerts = yaml.safe_load_all(printed)
    for rule, name in ((rules, "rules.yml"), (alerts, "alerts.yml")):
        assert rule["kind"] == "PrometheusRule"
        path = tmp_path / name
        path.write_text(yaml.safe_dump(rule["spec"]))
        run("promtool", "check", "rules", path)
        own = yaml.safe_load((TOP / "deploy" / "prometheus" / name).read_text())
        count = lambda groups: [(group["name"], len(group["rules"])) for group in groups]
        assert count(rule["spec"]["groups"]) == count(own["groups"])
    urls = [each["annotations"]["runbook_url"] for group in alerts["spec"]["groups"] for each in group["rules"]]
    assert all(url.startswith("https://wiki.example.com/r.html#zerogate") for url in urls)
