"""The Debian package: what is in it, and its whole life in a root of its own, by dpkg itself."""

import gzip
import io
import os
import re
import shutil
import subprocess
import tarfile

import pytest

from conftest import TOP, run

UNIT = "usr/lib/systemd/system/zerogate.service"
CONFFILES = ["/etc/default/zerogate", "/etc/zerogate/zerogate.yaml"]
SCRIPTS = ["postinst", "prerm", "postrm"]
LIBRARIES = ["libc6", "libstdc++6", "libuv1", "libzmq5", "libhiredis0.14", "libssl3", "libyaml-cpp0.7"]


@pytest.fixture(scope="session")
def package(build, version, tmp_path_factory):
    """The package, as the command of README.md makes it, but in a folder of its own, and by somebody
    whose umask lets nobody else read."""
    folder = tmp_path_factory.mktemp("deb")
    config = build / "CPackConfig.cmake"
    run("cpack", "--config", config, "-G", "DEB", "-B", folder, umask=0o077)
    architecture = run("dpkg", "--print-architecture").strip()
    return folder / f"zerogate_{version}_{architecture}.deb"


@pytest.fixture(scope="session")
def unpacked(package, tmp_path_factory):
    """Its files, and in DEBIAN what controls it."""
    folder = tmp_path_factory.mktemp("unpacked")
    run("dpkg-deb", "--raw-extract", package, folder)
    return folder


def field(package, name):
    return run("dpkg-deb", "--field", package, name).rstrip("\n")


def test_the_fields_are_those_that_policy_asks_for(package, version):
    assert field(package, "Package") == "zerogate"
    assert field(package, "Version") == version
    assert field(package, "Section") == "net"
    assert field(package, "Priority") == "optional"
    assert re.fullmatch(r"[^<>]+ <\S+@\S+>", field(package, "Maintainer"))
    summary, *rest = field(package, "Description").split("\n")
    assert 0 < len(summary) <= 80 and not summary.endswith(".")
    assert rest and all(line.startswith(" ") and len(line) <= 80 for line in rest)
    depends = {entry.split()[0] for entry in field(package, "Depends").split(",")}
    assert set(LIBRARIES) <= depends, depends


def test_files_belong_to_root_and_only_it_may_write(package):
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(tar.stdout)) as files:
        for file in files:
            assert (file.uname or "root", file.uid, file.gid) == ("root", 0, 0), file.name
            if file.issym():
                continue
            assert file.mode & 0o022 == 0, file.name
            assert not file.mode & 0o7000, file.name
            if file.isdir():
                assert file.mode & 0o777 == 0o755, file.name
            elif file.name != "./etc/default/zerogate":
                assert file.mode & 0o444 == 0o444, file.name


def test_it_has_what_dpkg_and_policy_want_to_find(unpacked, version):
    assert (unpacked / "DEBIAN/conffiles").read_text().split() == CONFFILES
    sums = (unpacked / "DEBIAN/md5sums").read_text()
    assert "usr/bin/zerogate" in sums
    run("md5sum", "--check", "--quiet", "DEBIAN/md5sums", cwd=unpacked)
    for script in SCRIPTS:
        assert os.access(unpacked / "DEBIAN" / script, os.X_OK)
        run("sh", "-n", unpacked / "DEBIAN" / script)
    changes = gzip.decompress((unpacked / "usr/share/doc/zerogate/changelog.gz").read_bytes())
    assert changes.decode().startswith(f"zerogate ({version}) ")
    assert "MIT" in (unpacked / "usr/share/doc/zerogate/copyright").read_text()
    # Only these folders.
    top = {str(path.relative_to(unpacked)) for path in unpacked.glob("*/*")}
    assert {path for path in top if not path.startswith("DEBIAN/")} == {
        "etc/default", "etc/zerogate", "usr/bin", "usr/lib", "usr/share",
    }  # fmt: skip


def test_nothing_tells_where_it_was_built(unpacked, build):
    places = [str(TOP).encode(), str(build).encode(), str(unpacked).encode(), b"_CPack_Packages"]
    for path in unpacked.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [place for place in places if place in content], path


def test_the_program_is_stripped_and_hardened(unpacked, build):
    program = unpacked / "usr/bin/zerogate"
    assert program.stat().st_size < (build / "zerogate").stat().st_size
    assert ".debug_info" not in run("readelf", "--section-headers", "--wide", program)
    headers = run("readelf", "--headers", "--dynamic", "--wide", program)
    assert "DYN (Position-Independent Executable file)" in headers
    assert "GNU_RELRO" in headers and "BIND_NOW" in headers
    assert not re.search(r"GNU_STACK.*E\b", headers)
    assert not re.search(r"R(UN)?PATH", headers)
    imported = run("readelf", "--dyn-syms", "--wide", program)
    assert "__stack_chk_fail@" in imported  # -fstack-protector
    assert re.search(r"__\w+_chk@", imported)  # _FORTIFY_SOURCE


def test_the_unit_is_the_one_of_the_project(unpacked):
    assert (unpacked / UNIT).read_text() == (TOP / "deploy/systemd/zerogate.service").read_text()


class Root:
    """A folder that dpkg takes for the root of a machine. Scripts run outside it, told by
    DPKG_ROOT, as when an image is built: so this needs neither a chroot nor a download."""

    def __init__(self, path):
        self.path = path
        for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"):
            (path / folder).mkdir(parents=True)
        (path / "var/lib/dpkg/status").touch()
        (path / "var/lib/dpkg/available").touch()

    def dpkg(self, *arguments):
        # --force-depends: the libraries are not in there. --force-not-root: tests need not be root.
        return run(
            "dpkg", f"--root={self.path}", "--force-depends", "--force-script-chrootless",
            "--force-not-root", "--force-confold", f"--log={self.path}/dpkg.log", *arguments,
        )  # fmt: skip

    def __truediv__(self, path):
        return self.path / str(path).lstrip("/")

    @property
    def status(self):
        query = subprocess.run(
            ["dpkg-query", f"--admindir={self.path}/var/lib/dpkg", "-W", "-f", "${Status}", "zerogate"],
            capture_output=True, text=True,
        )  # fmt: skip
        return query.stdout

    @property
    def enabled(self):
        return (self / "etc/systemd/system/multi-user.target.wants/zerogate.service").is_symlink()


@pytest.mark.skipif(
    not shutil.which("deb-systemd-helper"), reason="no deb-systemd-helper (init-system-helpers)"
)
def test_install_upgrade_remove_and_purge(package, tmp_path):
    root = Root(tmp_path / "root")
    root.dpkg("--install", package)
    assert root.status == "install ok installed"
    assert root.enabled
    assert "zerogate " in run(root / "usr/bin/zerogate", "--version")

    # An upgrade leaves alone what the administrator has decided.
    configuration = root / "etc/zerogate/zerogate.yaml"
    configuration.write_text("threads: 2\n")
    (root / "etc/systemd/system/multi-user.target.wants/zerogate.service").unlink()
    root.dpkg("--install", package)
    assert configuration.read_text() == "threads: 2\n"
    assert not root.enabled

    root.dpkg("--remove", "zerogate")
    assert configuration.exists()
    assert not (root / "usr/bin/zerogate").exists()
    root.dpkg("--install", package)
    assert configuration.read_text() == "threads: 2\n"
    root.dpkg("--purge", "zerogate")
    left = [str(path) for path in root.path.rglob("*zerogate*") if "dpkg" not in str(path)]
    assert left == []
