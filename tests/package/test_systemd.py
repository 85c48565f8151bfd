"""The unit, read by systemd's own tools."""

import re
import shutil

import pytest

from conftest import TOP, run

UNIT = TOP / "deploy" / "systemd" / "zerogate.service"
MOST_EXPOSED = 1.5  # of systemd-analyze security: 0 is locked in, 10 wide open

pytestmark = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="no systemd-analyze: the package systemd is missing"
)


def test_systemd_has_nothing_to_say_against_it(installed, tmp_path):
    """With the paths of a root that it was installed to, for it looks whether the program is there."""
    text = (installed / "usr/lib/systemd/system/zerogate.service").read_text()
    for path in ("/usr/bin/zerogate", "/usr/share/doc/zerogate/README.md", "/etc/zerogate/zerogate.yaml"):
        assert (installed / path.lstrip("/")).is_file()
        text = text.replace(path, f"{installed}{path}")
    unit = tmp_path / "zerogate.service"
    unit.write_text(text)
    assert run("systemd-analyze", "verify", "--man=no", unit) == ""


def test_a_mistake_in_it_would_be_seen(tmp_path):
    unit = tmp_path / "zerogate.service"
    unit.write_text(UNIT.read_text().replace("TimeoutStopSec=30s", "TimeoutStopSecs=30s"))
    with pytest.raises(AssertionError, match="TimeoutStopSecs"):
        assert run("systemd-analyze", "verify", "--man=no", unit) == ""


def test_it_is_locked_in():
    report = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)[1])
    assert exposure <= MOST_EXPOSED, report


def test_it_is_given_time_to_drain():
    seconds = int(re.search(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.M)[1])
    drain = int(re.search(r"^drain_timeout: (\d+)s$", (TOP / "deploy/zerogate.yaml").read_text(), re.M)[1])
    assert seconds > drain + 5


def members(name):
    """The system calls of a filter's word: one call, or a set, which may have sets."""
    if not name.startswith("@"):
        return {name}
    listed = run("systemd-analyze", "--no-pager", "syscall-filter", name).splitlines()[1:]
    words = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return set().union(*map(members, words))


def allowed_calls(unit):
    """Lines add to the set, those with ~ take away, in their order."""
    allowed = members("@default")
    for removes, words in re.findall(r"^SystemCallFilter=(~?)(.*)$", unit, re.M):
        named = set().union(*map(members, words.split()))
        allowed = allowed - named if removes else allowed | named
    return allowed


def with_recipe(unit, first_words):
    """The unit after a paragraph of its comments has been followed."""
    [paragraph] = [text for text in unit.split("\n\n") if first_words in text]
    return unit.replace(paragraph, re.sub(r"^#(?=\w+=)", "", paragraph, flags=re.M))


def test_sockets_can_be_given_to_a_group_by_its_recipe_only():
    """chown(2), that is: of @system-service, and of @privileged too."""
    unit = UNIT.read_text()
    assert "chmod" in allowed_calls(unit)
    assert "chown" not in allowed_calls(unit)
    follower = with_recipe(unit, "Clients of another group on Unix sockets")
    assert "chown" in allowed_calls(follower)
    assert re.search(r"^SupplementaryGroups=", follower, re.M)
    assert re.search(r"^PrivateUsers=no", follower, re.M)
