"""No document has a link that leads nowhere: neither in the sources nor where they are installed."""

import gzip
import re

from conftest import TOP
from links import dead

DOC = "usr/share/doc/zerogate"
BROUGHT_BY_USERS = "/etc/zerogate/tls/"  # where the examples have certificates and keys


def test_of_the_sources():
    files = [TOP / "README.md", *TOP.glob("docs/*.md"), *TOP.glob("deploy/**/*.md")]
    assert len(files) > 10
    assert dead(TOP, files) == []


def test_of_what_is_installed(installed):
    files = sorted((installed / DOC).rglob("*.md"))
    assert len(files) > 10
    assert dead(installed, files) == []


def test_what_the_man_pages_and_the_configuration_name_is_installed(installed):
    texts = [(installed / "etc/zerogate/zerogate.yaml").read_text()]
    texts += [gzip.decompress(page.read_bytes()).decode() for page in installed.rglob("man/man?/*.gz")]
    assert len(texts) == 3
    named = {path.rstrip(".") for text in texts for path in re.findall(r"/(?:etc|usr)/[\w./-]+", text)}
    named = {path for path in named if not path.startswith(BROUGHT_BY_USERS)}
    assert len(named) > 3
    assert [path for path in named if not (installed / path.lstrip("/")).exists()] == []


def test_a_dead_link_would_be_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n[a](page.md#a-page) [b](#b) [c](gone.md) [d](../../etc/passwd)\n")
    assert len(dead(tmp_path, [page])) == 3
