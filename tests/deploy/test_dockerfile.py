"""deploy/Dockerfile names the packages itself, so that its layers last: the same as packages.txt."""

import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def installed(stage):
    """The packages of the stage's apt-get install."""
    return set(re.search(r"--no-install-recommends \\\n(.*?)>/dev/null", stage, re.S)[1].replace("\\", "").split())


def test_it_builds_with_the_packages_of_the_list():
    build, _ = read("deploy/Dockerfile").split("\nFROM debian:bookworm-slim\n")
    listed = set(re.findall(r"^build (\S+)$", read("deploy/packages.txt"), re.M))
    assert installed(build) == listed


def test_it_runs_with_the_libraries_that_the_program_names():
    _, last = read("deploy/Dockerfile").split("\nFROM debian:bookworm-slim\n")
    program = os.environ["ZEROGATE_BIN"]
    needed = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True)
    sonames = re.findall(r"NEEDED.*\[(.*)\]", needed.stdout)
    owners = set()
    for soname in sonames:
        found = subprocess.run(["dpkg-query", "-S", f"*-linux-gnu/{soname}"], capture_output=True, text=True, check=True)
        owners.add(found.stdout.split(":")[0])
    # The base image has the C library, and libgcc with its libstdc++.
    assert installed(last) == owners - {"libc6", "libgcc-s1"}
