"""`cmake --install`: what lands where, and that it works from there."""

import re
import signal
import subprocess

import pytest

from conftest import TIMEOUT_S, run

DOC = "usr/share/doc/zerogate"


def below(root, path):
    """`path`, which is absolute once it is installed, under this root."""
    return root / str(path).lstrip("/")


@pytest.mark.parametrize(
    "path",
    [
        "usr/bin/zerogate",
        "usr/lib/systemd/system/zerogate.service",
        "etc/zerogate/zerogate.yaml",
        "etc/default/zerogate",
        "usr/share/man/man1/zerogate.1.gz",
        "usr/share/man/man5/zerogate.yaml.5.gz",
        f"{DOC}/README.md",
        f"{DOC}/copyright",
        f"{DOC}/changelog.gz",
        f"{DOC}/deploy/bridge.yaml",
        f"{DOC}/docs/bridge.md",
        f"{DOC}/docs/scaling.md",
        f"{DOC}/LICENSE",
        f"{DOC}/deploy/prometheus/alerts.yml",
        f"{DOC}/grafana/dashboards/overview.json",
        f"{DOC}/deploy/examples/kubernetes/README.md",
        "usr/share/zerogate/prometheus/prometheus.yml",
        "usr/share/zerogate/prometheus/alerts.yml",
        "usr/share/zerogate/grafana/dashboards/overview.json",
        "usr/share/zerogate/grafana/provisioning/datasources/prometheus.yaml",
    ],
)
def test_it_is_in_its_place(installed, path):
    assert (installed / path).is_file()


def test_scripts_find_what_they_read(installed):
    scripts = [path for path in (installed / DOC).rglob("*") if path.is_file() and path.stat().st_mode & 0o100]
    assert len(scripts) > 1
    for script in scripts:
        for name in re.findall(r'^source "\$\(dirname [^)]*\)/([^"]+)"', script.read_text(), re.M):
            assert (script.parent / name).is_file(), f"{script} reads {name}"


def test_only_root_reads_what_may_hold_passwords(installed):
    assert (installed / "etc/default/zerogate").stat().st_mode & 0o777 == 0o600
    assert (installed / "etc/zerogate/zerogate.yaml").stat().st_mode & 0o777 == 0o644


def test_the_program_serves_with_the_installed_configuration(installed):
    program = installed / "usr/bin/zerogate"
    configuration = installed / "etc/zerogate/zerogate.yaml"
    assert run(program, "check", "--config", configuration) == f"{configuration}: ok\n"
    flags = ["--listen-tcp", "127.0.0.1:0", "--listen-zmq", "off", "--admin", "off"]
    with subprocess.Popen(
        [program, "serve", "--config", configuration, *flags], stderr=subprocess.PIPE, text=True
    ) as gateway:
        try:
            for line in gateway.stderr:
                listening = re.search(r"protocol=tcp address=(\S+)", line)
                if listening:
                    break
            answer = run(program, "call", f"tcp://{listening[1]}", "echo", '"installed"')
            assert answer == '"installed"\n'
            gateway.send_signal(signal.SIGTERM)
            gateway.communicate(timeout=TIMEOUT_S)
        finally:
            gateway.kill()
    assert gateway.returncode == 0


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local", "/opt/zerogate"])
def test_the_unit_names_what_was_installed(install, prefix):
    root = install(prefix)
    [unit] = root.rglob("zerogate.service")
    assert unit == below(root, f"{prefix}/lib/systemd/system/zerogate.service")
    text = unit.read_text()
    named = set(re.findall(r"(?:=-?|=file:|--config )(/\S+)", text)) - {"/bin/sh"}
    assert len(named) == 4, named  # the program, its configuration, variables, documentation
    for path in named:
        assert below(root, path).is_file(), path
    assert prefix == "/usr" or "/etc/zerogate/" in text.replace(f"{prefix}/etc/zerogate/", "/etc/zerogate/")
    assert prefix == "/usr" or not (root / "etc").exists()


def test_a_second_install_keeps_what_the_administrator_changed(install):
    root = install("/usr/local")
    configuration = root / "usr/local/etc/zerogate/zerogate.yaml"
    configuration.write_text("threads: 2\n")
    install("/usr/local", root)
    assert configuration.read_text() == "threads: 2\n"
