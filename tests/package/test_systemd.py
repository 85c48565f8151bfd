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
