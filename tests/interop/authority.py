"""A CA made for one run of the tests, and certificates of it, by openssl."""

import os
import subprocess


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Authority:
    """Its files are in `folder`: ca.crt, and NAME.crt with NAME.key of each certificate. One with an
    `issuer` is an intermediate CA, which stands behind each certificate that it issues."""

    def __init__(self, folder, name="ca", issuer=None):
        self.folder = str(folder)
        self.name = name
        self.issuer = issuer
        signed = issuer._signs() if issuer else []
        self._make(name, "/CN=" + name, *signed, "-addext", "keyUsage=critical,keyCertSign")

    def path(self, file):
        return os.path.join(self.folder, file)

    @property
    def crt(self):
        return self.path(self.name + ".crt")

    def issue(self, name, names, purposes="serverAuth,clientAuth"):
        """A pair, as (certificate, key); `names` as openssl writes subject alternative names."""
        extensions = ["basicConstraints=CA:FALSE", "subjectAltName=" + names, "extendedKeyUsage=" + purposes]
        added = [word for extension in extensions for word in ("-addext", extension)]
        self._make(name, "/CN=" + name, *self._signs(), *added)
        if self.issuer:
            with open(self.crt) as own, open(self.path(name + ".crt"), "a") as chain:
                chain.write(own.read())
        return self.path(name + ".crt"), self.path(name + ".key")

    def _signs(self):
        return ["-CA", self.crt, "-CAkey", self.path(self.name + ".key")]

    def _make(self, name, subject, *arguments):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
        files = ["-keyout", self.path(name + ".key"), "-out", self.path(name + ".crt")]
        _openssl("req", "-x509", *key, *files, "-days", "2", "-subj", subject, *arguments)
        os.chmod(self.path(name + ".key"), 0o600)
