"""A small HTTP proxy on loopback: requests with whole URLs, and tunnels by CONNECT, to hosts that only it knows."""

import http.client
import http.server
import select
import socket
import threading
import urllib.parse


class ForwardProxy:
    """`hosts` maps "name:port" to the address it stands for; `asked` is what it was asked for."""

    def __init__(self, hosts):
        self.hosts = dict(hosts)
        self.asked = []
        proxy = self

        class Handler(_Handler):
            state = proxy

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that goes away is nothing to report."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: ForwardProxy

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.state.asked.append(f"{self.command} {self.path}")
        url = urllib.parse.urlsplit(self.path)
        address = self.state.hosts.get(url.netloc)
        if address is None:
            return self.send_error(502)
        connection = http.client.HTTPConnection(address)
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
        connection.request(self.command, url._replace(scheme="", netloc="").geturl(), headers=headers)
        reply = connection.getresponse()
        body = reply.read()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", reply.getheader("Content-Length") or str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def do_CONNECT(self):
        self.state.asked.append(f"CONNECT {self.path}")
        address = self.state.hosts.get(self.path)
        self.close_connection = True
        if address is None:
            return self.send_error(502)
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            pair = (self.connection, target)
            while True:
                for ready in select.select(pair, (), (), 30)[0] or (None,):
                    data = ready.recv(65536) if ready else b""
                    if not data:
                        return None
                    pair[ready is self.connection].sendall(data)
