"""What the tests of packaging share: the build that is packed, and running what came out."""

import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 120  # generous: nothing here takes more than seconds on a quiet machine


def run(*command, **options):
    """The output of a command that has to work."""
    options = {"text": True, "timeout": TIMEOUT_S, **options}
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    assert done.returncode == 0, f"{command}: exit status {done.returncode}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def build():
    """The folder of the release build."""
    binary = os.environ.get("ZEROGATE_BIN", TOP / "build" / "release" / "zerogate")
    return pathlib.Path(binary).parent


@pytest.fixture(scope="session")
def version(build):
    """As in 0.1.0."""
    return run(build / "zerogate", "--version").split()[1]


@pytest.fixture(scope="session")
def install(build, tmp_path_factory):
    """Runs `cmake --install` with a prefix, into a folder that stands for the root."""

    def install(prefix, root=None):
        root = root or tmp_path_factory.mktemp("root")
        run(
            "cmake", "--install", build, "--prefix", prefix,
            env={**os.environ, "DESTDIR": str(root)},
        )  # fmt: skip
        return root

    return install


@pytest.fixture(scope="session")
def installed(install):
    """A root with everything under /usr and /etc."""
    return install("/usr")
