"""deploy/examples/kubernetes: real Kubernetes schemas, what a cluster checks beyond them, and our own
rules for a pod; and the configurations inside, read by the gateway itself."""

import subprocess

import kubernetes_validate
import pytest
import yaml

from conftest import TOP, run

EXAMPLES = sorted((TOP / "deploy" / "examples" / "kubernetes").glob("*.yaml"))
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
            assert {probe["httpGet"]["port"] for probe in probes} <= own
            ports |= own
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
