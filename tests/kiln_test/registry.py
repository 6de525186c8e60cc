"""Debian's docker-registry on a free port of loopback, and filling registries by the distribution API."""

import base64
import http.client
import json
import os
import socket
import subprocess
import time
import urllib.parse


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# bcrypt of USER's PASSWORD: the only hash docker-registry takes, and one no standard library makes.
USER, PASSWORD = "builder", "correct horse"
HTPASSWD = "builder:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n"


class DockerRegistry:
    """Serves `directory` until stop(). With `login`, only USER with PASSWORD may do anything. `tls` is the certificate
    and the key; with `clients`, an authority, it wants a certificate of clients too."""

    def __init__(self, directory, login=False, tls=None, clients=None):
        self.directory = str(directory)
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.login = login
        os.makedirs(self.directory, exist_ok=True)
        auth = ""
        if login:
            htpasswd = os.path.join(self.directory, "htpasswd")
            with open(htpasswd, "w", encoding="utf-8") as stream:
                stream.write(HTPASSWD)
            auth = f"auth:\n  htpasswd:\n    realm: test\n    path: {json.dumps(htpasswd)}\n"
        security = ""
        if tls:
            security = f", tls: {{certificate: {json.dumps(tls[0])}, key: {json.dumps(tls[1])}"
            security += f", clientcas: [{json.dumps(clients)}]" if clients else ""
            security += "}"
        config = os.path.join(self.directory, "config.yml")
        with open(config, "w", encoding="utf-8") as stream:
            stream.write(
                "version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\n"
                f"storage:\n  delete: {{enabled: true}}\n  filesystem: {{rootdirectory: {json.dumps(self.directory + '/data')}}}\n"
                f"http: {{addr: '{self.host}'{security}}}\n{auth}"
            )
        self.log_path = os.path.join(self.directory, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("docker-registry does not come up; see " + self.log_path)
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def push(self, name, image):
        """Stores an image.Image or image.Index as `repository:tag`."""
        push(self.host, name, image, (USER, PASSWORD) if self.login else None)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as stream:
            return stream.read()


def basic(login):
    return "Basic " + base64.b64encode(":".join(login).encode()).decode()


def push(host, name, image, login=None):
    repository, _, tag = name.partition(":")
    headers = {"Authorization": basic(login)} if login else {}
    connection = http.client.HTTPConnection(host)

    def ask(method, path, body=None, **more):
        connection.request(method, path, body, {**headers, **more})
        reply = connection.getresponse()
        text = reply.read()
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path}: {reply.status} {text!r}")
        return reply

    documents = image.documents
    for digest, data in image.blobs.items():
        if digest in documents:
            continue
        location = urllib.parse.urlsplit(ask("POST", f"/v2/{repository}/blobs/uploads/").getheader("Location"))
        query = location.query + ("&" if location.query else "") + "digest=" + urllib.parse.quote(digest)
        ask("PUT", f"{location.path}?{query}", data, **{"Content-Type": "application/octet-stream"})
    for digest, media_type in documents.items():
        if digest != image.descriptor["digest"]:
            ask("PUT", f"/v2/{repository}/manifests/{digest}", image.blobs[digest], **{"Content-Type": media_type})
    ask("PUT", f"/v2/{repository}/manifests/{tag}", image.manifest, **{"Content-Type": image.media_type})
    connection.close()
