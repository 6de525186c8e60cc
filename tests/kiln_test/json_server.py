"""An HTTP(S) server on a free port of 127.0.0.1 that speaks JSON: what the doubles of APIs are written with."""

import http.server
import json
import ssl
import threading


class JsonServer:
    """Subclasses have `answer(method, path, headers, body)`, which gives (status, object or None, headers). `requests`
    are all that came, as (method, path, body)."""

    def __init__(self, certificate=None):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.requests.append((self.command, self.path, body.decode()))
                try:
                    parsed = json.loads(body) if body else None
                except ValueError:
                    parsed = None
                with outer.lock:
                    status, document, headers = outer.answer(self.command, self.path, self.headers, parsed)
                data = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if data:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_):
                pass

        self.requests = []
        self.lock = threading.RLock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def asked(self, method):
        """The paths of that method's requests."""
        return [path for made, path, _ in self.requests if made == method]
