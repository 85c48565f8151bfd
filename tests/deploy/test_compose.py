"""deploy/docker-compose.yaml without an engine: what it hands on, and the file that can be reloaded."""

import os
import re
import subprocess

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ZEROGATE = os.environ.get("ZEROGATE_BIN", os.path.join(TOP, "build", "release", "zerogate"))
# Where it listens inside its container is the compose file's business, for it publishes the ports.
NOT_HANDED_ON = {"ZEROGATE_LISTEN_TCP", "ZEROGATE_LISTEN_ZMQ", "ZEROGATE_ADMIN"}
MOUNTED_AT = "/etc/zerogate"


def gateway():
    with open(os.path.join(TOP, "deploy", "docker-compose.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)["services"]["gateway"]


def variables():
    """Of every key, as `zerogate serve --help` lists them."""
    shown = subprocess.run([ZEROGATE, "serve", "--help"], capture_output=True, text=True, check=True)
    found = set(re.findall(r"^ +(ZEROGATE_\w+), default", shown.stdout, re.M))
    keys = re.findall(r"^  ([a-z][\w.]*)  .*; default ", shown.stdout, re.M)
    return found | {"ZEROGATE_" + key.upper().replace(".", "_") for key in keys}


def test_every_variable_is_handed_on():
    assert len(variables()) > 15
    assert variables() - NOT_HANDED_ON <= gateway()["environment"].keys()


def test_a_variable_that_is_not_set_hides_nothing_of_the_file():
    environment = gateway()["environment"]
    given = {name for name, value in environment.items() if value is not None}
    assert given == {"ZEROGATE_CONFIG", "ZEROGATE_REDIS_URL", "ZEROGATE_LIMITS_CONNECTIONS"}


def test_it_reads_a_file_of_a_mounted_folder():
    service = gateway()
    assert service["environment"]["ZEROGATE_CONFIG"] == f"{MOUNTED_AT}/zerogate.yaml"
    [volume] = service["volumes"]
    folder = re.fullmatch(rf"\$\{{ZEROGATE_CONFIG_DIR:-(\S+)\}}:{MOUNTED_AT}:ro", volume)[1]
    path = os.path.join(TOP, "deploy", folder, "zerogate.yaml")
    checked = subprocess.run([ZEROGATE, "check", "--config", path], capture_output=True, text=True, check=True)
    assert checked.stdout == f"{path}: ok\n"
    with open(path, encoding="utf-8") as file:
        mine = yaml.safe_load(file)
    with open(os.path.join(TOP, "deploy", "image.yaml"), encoding="utf-8") as file:
        image = yaml.safe_load(file)
    assert image.items() <= mine.items(), "what the image's own file says, and more"
