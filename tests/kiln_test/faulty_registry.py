"""A registry that can be told to misbehave: to stall, fail, cut off, lie, or want a login."""

import http.server
import json
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass

from kiln_test.image import digest_of
from kiln_test.registry import basic


@dataclass
class Fault:
    """What to do with the next `times` requests whose path contains `where` (times < 0: with all of them)."""

    where: str
    times: int = 1
    status: int = 0  # answer with this
    headers: tuple = ()  # and these
    cut_after: int = -1  # close the connection after so many bytes of the body
    stall_after: int = -1  # send no more after so many bytes, until the client has gone
    body: bytes = None  # send this instead; Content-Length is true to it
    no_ranges: bool = False  # ignore Range

    def applies(self, path):
        return self.times != 0 and self.where in path


class FaultyRegistry:
    """In memory, on a free port of loopback. `faults` may be changed at any time; `requests` is what was asked."""

    def __init__(self, login=None, bearer=False):
        self.documents = {}  # (repository, tag or digest): (media type, bytes)
        self.blobs = {}  # digest: bytes
        self.faults = []
        self.requests = []  # (method, path, Range or "")
        self.login, self.bearer = login, bearer
        self.token = "a-token-of-the-test"
        self.stopping = threading.Event()
        registry = self

        class Handler(_Handler):
            state = registry

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def add(self, name, image):
        repository, _, tag = name.partition(":")
        for digest, data in image.blobs.items():
            if digest in image.documents:
                self.documents[repository, digest] = (image.documents[digest], data)
            else:
                self.blobs[digest] = data
        self.documents[repository, tag] = (image.media_type, image.manifest)

    def asked(self, part):
        return [request for request in self.requests if part in request[1]]


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that goes away in the middle is nothing to report: some tests are about that."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FaultyRegistry

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        state = self.state
        state.requests.append((self.command, self.path, self.headers.get("Range", "")))
        fault = next((fault for fault in state.faults if fault.applies(self.path)), None)
        if fault:
            fault.times -= 1
        if fault and fault.status:
            return self._reply(fault.status, b'{"errors": [{"code": "UNKNOWN", "message": "told to fail"}]}', dict(fault.headers))
        if self.path.startswith("/token"):
            return self._token()
        if not self._allowed():
            return None
        self._find(fault)

    def _token(self):
        if self.headers.get("Authorization") != basic(self.state.login):
            return self._reply(401, b"{}")
        self._reply(200, json.dumps({"token": self.state.token}).encode())

    def _allowed(self):
        state = self.state
        if state.login is None:
            return True
        wanted = "Bearer " + state.token if state.bearer else basic(state.login)
        if self.headers.get("Authorization") == wanted:
            return True
        challenge = 'Basic realm="test"'
        if state.bearer:
            challenge = f'Bearer realm="http://{state.host}/token",service="test",scope="repository:any:pull"'
        self._reply(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "log in"}]}', {"WWW-Authenticate": challenge})
        return False

    def _find(self, fault):
        path = urllib.parse.unquote(self.path.partition("?")[0])
        if path == "/v2/":
            return self._reply(200, b"{}")
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        found = None
        if match and match[2] == "manifests":
            found = self.state.documents.get((match[1], match[3]))
        elif match:
            found = ("application/octet-stream", self.state.blobs[match[3]]) if match[3] in self.state.blobs else None
        if found is None:
            code = "MANIFEST_UNKNOWN" if match and match[2] == "manifests" else "BLOB_UNKNOWN"
            return self._reply(404, json.dumps({"errors": [{"code": code, "message": "unknown"}]}).encode())
        media_type, data = found
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(data)}
        if fault and fault.body is not None:
            data = fault.body
        self._send(data, headers, fault)

    def _send(self, data, headers, fault):
        status = 200
        ranges = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if ranges and not (fault and fault.no_ranges):
            begin = int(ranges[1])
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            data = data[begin:]
            status = 206
        self._reply(status, data, headers, fault)

    def _reply(self, status, data, headers=None, fault=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            if fault and fault.cut_after >= 0:
                self.wfile.write(data[: fault.cut_after])
                self.close_connection = True
            elif fault and fault.stall_after >= 0:
                self.wfile.write(data[: fault.stall_after])
                self.wfile.flush()
                self._stall()
            else:
                self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _stall(self):
        """Until the client closes the connection."""
        self.close_connection = True
        self.connection.settimeout(0.1)
        while not self.state.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                time.sleep(0.05)
            except OSError:
                return
