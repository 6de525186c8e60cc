#!/usr/bin/env python3
"""The metadata applet of the guest, built for this machine, against real HTTP servers at the real addresses: in network
namespaces of its own, whose loopback device has the clouds' addresses.

usage: metadata_test.py KILN_GUEST
"""

import http.server
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case

LINK_LOCAL = "169.254.169.254"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.command, self.path, self.client_address[1], dict(self.headers)))
        body = self.server.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        body = (body or "no such page").encode()
        if self.path.endswith("chunked/user-data"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for byte in body:
                self.wfile.write(b"1\r\n%c\r\n" % byte)
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET

    def log_message(self, *_):
        pass


class Namespace:
    """A network namespace in which this process can open sockets and start programs."""

    def __init__(self, addresses):
        self.holder = subprocess.Popen(["unshare", "--net", "--uts", "sleep", "1000"])
        deadline = time.monotonic() + 10
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self.run("ip", "link", "set", "lo", "up")
        for address in addresses:
            self.run("ip", "address", "add", address, "dev", "lo", "nodad" if ":" in address else "noprefixroute")

    def enter(self, *command):
        return ["nsenter", "--net", "--uts", "--target", str(self.holder.pid), *command]

    def run(self, *command, check=True):
        return subprocess.run(self.enter(*command), capture_output=True, text=True, check=check, timeout=60)

    def server(self, address, port, pages):
        """Serves `pages` in the namespace: the socket is made by a thread that has entered it."""
        made = []

        def make():
            with open(f"/proc/{self.holder.pid}/ns/net") as namespace:
                # Python 3.11 has no os.setns.
                import ctypes

                assert ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) == 0
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": family})
            made.append(kind((address, port), _Handler))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        server = made[0]
        server.pages, server.asked = pages, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def end(self):
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()


class MetadataApplet(case.Case):
    def setUp(self):
        super().setUp()
        self.needs("unshare", "nsenter", "ip")
        self.needs_root("make network namespaces")
        self.config = self.path("config")
        self.cmdline = self.write("cmdline", "quiet\n")

    def namespace(self, *addresses):
        namespace = Namespace(addresses)
        self.addCleanup(namespace.end)
        return namespace

    def metadata(self, namespace, *arguments, status=0):
        began = time.monotonic()
        result = namespace.run(GUEST, "metadata", "-config-dir", self.config, "-cmdline", self.cmdline, *arguments, check=False)
        self.took = time.monotonic() - began
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stderr

    def results(self):
        found = {}
        for directory, _, names in os.walk(self.config):
            for name in names:
                path = os.path.join(directory, name)
                with open(path) as stream:
                    found[os.path.relpath(path, self.config)] = (stat.S_IMODE(os.stat(path).st_mode), stream.read())
        return found

    def test_cloud(self):
        """the service of a cloud at its own address, with LinuxKit's files as the result"""
        namespace = self.namespace(LINK_LOCAL + "/32")
        user_data = json.dumps({
            "app": {"entries": {"settings": {"perm": "0600", "content": "secret"}}},
            "../escape": {"content": "x"},
        })  # fmt: skip
        base = "/latest/meta-data/"
        server = namespace.server(LINK_LOCAL, 80, {
            "/latest/api/token": "token-1", base + "hostname": "node-7\n", base + "local-ipv4": "10.1.2.3",
            base + "public-keys/0/openssh-key": "ssh-ed25519 AAAA me", "/latest/user-data": user_data,
        })  # fmt: skip
        told = self.metadata(namespace, "aws")
        self.assertEqual(told, "metadata: from AWS\nmetadata: user data: '../escape': expected the name of one file, without '/'\n")
        self.assertEqual(self.results(), {
            "provider": (0o644, "AWS"), "hostname": (0o644, "node-7"), "local_ipv4": (0o644, "10.1.2.3"),
            "ssh/authorized_keys": (0o600, "ssh-ed25519 AAAA me\n"), "userdata": (0o644, user_data),
            "app/settings": (0o600, "secret"),
        })  # fmt: skip
        self.assertFalse(os.path.exists(self.path("escape")))
        self.assertEqual(namespace.run("hostname").stdout, "node-7\n")
        self.assertTrue(all(headers.get("X-aws-ec2-metadata-token") == "token-1" for command, _, _, headers in server.asked if command == "GET"))
        self.checked("AWS: files, modes, host name without its newline, a token; nothing outside of the directory")
        self.metadata(namespace, "aws")
        self.checked("a second run replaces what the first has written")

    def test_scaleway_port(self):
        """user data that only a privileged port may fetch"""
        namespace = self.namespace("169.254.42.42/32")
        server = namespace.server("169.254.42.42", 80, {"/conf": "ID=1\nHOSTNAME=sc\n", "/user_data/cloud-init": "u"})
        self.metadata(namespace, "scaleway")
        self.assertEqual(self.results()["userdata"], (0o644, "u"))
        self.assertLess(next(port for _, path, port, _ in server.asked if path == "/user_data/cloud-init"), 1024)
        self.checked("Scaleway: user data from a port below 1024")

    def test_cmdline(self):
        """an address on the kernel command line, over IPv6, with a chunked answer; its own words win"""
        namespace = self.namespace("fd00::1/128")
        namespace.server("fd00::1", 8080, {"/chunked/meta-data": "local-hostname: from-meta\npublic-keys:\n- k1\n",
                                           "/chunked/user-data": "#!/bin/sh\n"})  # fmt: skip
        self.cmdline = self.write("cmdline", 'a kiln.metadata=http://[fd00::1]:8080/chunked kiln.hostname=mine "kiln.ssh_key=ssh-rsa B me"\n')
        self.assertEqual(self.metadata(namespace), "metadata: from NoCloud http://[fd00::1]:8080/chunked\n")
        self.assertEqual(self.results(), {
            "provider": (0o644, "NoCloud http://[fd00::1]:8080/chunked"), "hostname": (0o644, "mine"),
            "ssh/authorized_keys": (0o600, "k1\nssh-rsa B me\n"), "userdata": (0o644, "#!/bin/sh\n"),
        })  # fmt: skip
        self.checked("kiln.metadata= over IPv6, kiln.hostname= and kiln.ssh_key= beside it")

    def test_named_source_is_missing(self):
        """a source that was named must be there"""
        namespace = self.namespace("127.0.0.2/32")
        namespace.server("127.0.0.2", 8080, {})
        self.cmdline = self.write("cmdline", "ds=nocloud;s=http://127.0.0.2:8080/x/\n")
        told = self.metadata(namespace, "cmdline", status=1)
        self.assertEqual(
            told, "metadata: the kernel command line: 'http://127.0.0.2:8080/x/': neither meta-data nor user-data: status 404\n"
            "metadata: no source has anything for this machine\n",
        )  # fmt: skip
        self.cmdline = self.write("cmdline", "kiln.metadata=https://x/\n")
        self.assertIn("there is no TLS here", self.metadata(namespace, "cmdline", status=1))
        self.assertIn("no provider 'azure'", self.metadata(namespace, "azure", status=2))
        self.checked("missing pages, https and an unknown provider are said")

    def test_nothing_costs_little(self):
        """the default list on a machine of no cloud: without a network, and where packets vanish"""
        namespace = self.namespace()
        self.assertEqual(self.metadata(namespace), "metadata: no source has anything for this machine\n")
        self.assertLess(self.took, 5)
        without = self.took
        # A route to nowhere: neighbours that do not answer.
        namespace.run("ip", "link", "add", "hole", "type", "veth", "peer", "name", "bottom")
        for end in ("hole", "bottom"):
            namespace.run("ip", "link", "set", end, "up")
        namespace.run("ip", "route", "add", "169.254.0.0/16", "dev", "hole")
        self.metadata(namespace)
        self.assertLess(self.took, 10)
        self.checked(f"it gives up after {without:.1f} s, and after {self.took:.1f} s where packets vanish")

    def test_hostile_server(self):
        """a server that sends without end, or nothing"""
        namespace = self.namespace(LINK_LOCAL + "/32")
        with_listener = namespace.server(LINK_LOCAL, 81, {})  # only to enter; the flood is below
        with_listener.shutdown()
        flood = subprocess.Popen(namespace.enter("python3", "-c", FLOOD), stdin=subprocess.DEVNULL)
        self.addCleanup(flood.wait)
        self.addCleanup(flood.kill)
        time.sleep(0.5)
        told = self.metadata(namespace, "-v", "digitalocean", "vultr")
        self.assertIn("more than the 1048576 bytes allowed", told)
        self.assertIn("no source has anything", told)
        self.assertLess(self.took, 15)
        self.checked("an answer without end is cut off at 1 MiB")


FLOOD = """
import socket
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("169.254.169.254", 80))
listener.listen()
while True:
    client, _ = listener.accept()
    try:
        client.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
        while True:
            client.sendall(b"x" * 65536)
    except OSError:
        client.close()
"""

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    GUEST = os.path.abspath(sys.argv.pop(1))
    case.main()
