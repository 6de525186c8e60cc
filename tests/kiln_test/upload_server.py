"""Servers that take uploads: one that speaks as much WebDAV as a client needs, and one that checks S3's signatures.

They are written from the specifications (RFC 4918, AWS Signature Version 4) with nothing but hashlib and hmac, so that they judge
Kiln's client independently.
"""

import hashlib
import hmac
import http.server
import threading
import urllib.parse


class UploadServer:
    """On a free port of loopback. `objects` is what was stored, `requests` what was asked (method, path, status)."""

    def __init__(self, handler, **state):
        self.objects = {}  # path: bytes
        self.collections = {"/"}
        self.requests = []
        self.fail = {}  # path: status to answer with
        for name, value in state.items():
            setattr(self, name, value)

        class Handler(handler):
            server_state = self

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state = None

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", **headers):
        self.server_state.requests.append((self.command, self.path, status))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def do_GET(self):
        content = self.server_state.objects.get(self.path)
        self.answer(404 if content is None else 200, content or b"")


class WebDav(_Handler):
    """PUT into collections that exist; MKCOL one at a time. With state.authorization set, nothing goes without it."""

    def allowed(self):
        wanted = getattr(self.server_state, "authorization", None)
        if wanted is None or self.headers.get("Authorization") == wanted:
            return True
        self.answer(401, b"who are you?", WWW_Authenticate='Basic realm="test"')
        return False

    def do_PUT(self):
        content = self.body()
        if not self.allowed():
            return
        if self.path in self.server_state.fail:
            self.answer(self.server_state.fail[self.path], b"no room")
        elif self.path.rpartition("/")[0] + "/" not in self.server_state.collections:
            self.answer(409)
        else:
            self.server_state.objects[self.path] = content
            self.answer(201)

    def do_MKCOL(self):
        self.body()
        if not self.allowed():
            return
        parent = self.path.rstrip("/").rpartition("/")[0] + "/"
        if self.path in self.server_state.collections:
            self.answer(405)
        elif parent not in self.server_state.collections:
            self.answer(409)
        else:
            self.server_state.collections.add(self.path)
            self.answer(201)


class S3(_Handler):
    """PUT of objects signed with state.access_key and state.secret_key for state.region."""

    def do_PUT(self):
        content = self.body()
        complaint = self.complaint(content)
        if complaint:
            self.answer(403, f"<Error><Code>SignatureDoesNotMatch</Code><Message>{complaint}</Message></Error>".encode())
        else:
            self.server_state.objects[self.path] = content
            self.answer(200)

    def complaint(self, content):
        state = self.server_state
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return f"scheme {scheme!r}"
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        key, date, region, service, end = fields["Credential"].split("/")
        if (key, region, service, end) != (state.access_key, state.region, "s3", "aws4_request"):
            return f"credential {fields['Credential']}"
        signed = fields["SignedHeaders"].split(";")
        for name in ("host", "x-amz-content-sha256", "x-amz-date"):
            if name not in signed:
                return f"{name} is not signed"
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(content).hexdigest():
            return "the content is not what was signed"
        if getattr(state, "session_token", None) != self.headers.get("x-amz-security-token"):
            return "session token"
        path, _, query = self.path.partition("?")
        canonical_headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in signed)
        canonical_path = urllib.parse.quote(urllib.parse.unquote(path), safe="/-_.~")
        canonical = "\n".join(
            [self.command, canonical_path, query, canonical_headers, ";".join(signed), self.headers["x-amz-content-sha256"]]
        )
        stamp = self.headers["x-amz-date"]
        scope = f"{date}/{region}/{service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        secret = ("AWS4" + state.secret_key).encode()
        for part in (date, region, service, "aws4_request"):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        expected = hmac.new(secret, to_sign.encode(), hashlib.sha256).hexdigest()
        return "" if hmac.compare_digest(expected, fields["Signature"]) else "wrong signature"
