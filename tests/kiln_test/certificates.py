"""Certificates for tests, by openssl: an authority of their own, servers and clients that it vouches for."""

import os
import subprocess


class Authority:
    """Keys and certificates in `directory`: ca.crt, NAME.crt and NAME.key."""

    def __init__(self, directory):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.certificate = self.path("ca.crt")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=test authority", "-keyout", self.path("ca.key"), "-out", self.certificate)  # fmt: skip

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, *subjects):
        """A certificate for the subjectAltNames ("DNS:registry.test"); the paths of certificate and key."""
        certificate, key, request = self.path(name + ".crt"), self.path(name + ".key"), self.path(name + ".csr")
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", "/CN=" + name, "-keyout", key, "-out", request)  # fmt: skip
        extensions = self.path(name + ".ext")
        with open(extensions, "w", encoding="utf-8") as stream:
            stream.write("subjectAltName=" + ",".join(subjects or ["DNS:" + name]) + "\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.path("ca.key"),
                      "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)  # fmt: skip
        return certificate, key

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.directory)
