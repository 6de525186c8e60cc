"""A web server on loopback for the YAML files that cases have at http://HOST/."""

import http.server
import threading


class Web:
    def __init__(self):
        pages = self.pages = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, text = pages.get(self.path, (404, "not found\n"))
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()


class Pages:
    """One case's part of the server."""

    def __init__(self, web, key):
        self.web, self.key = web, key

    def publish(self, name, text, status):
        """The URL of a page."""
        self.web.pages[f"/{self.key}/{name}"] = (status, text)
        return f"http://{self.web.host}/{self.key}/{name}"

    def readable(self, text):
        return text.replace(f"{self.web.host}/{self.key}", "HOST")
