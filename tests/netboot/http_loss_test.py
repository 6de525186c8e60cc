#!/usr/bin/env python3
"""kiln serve over a network that loses packets and brings them out of order: slower, and never a wrong byte."""

import hashlib
import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from kiln_test import case, netlab  # noqa: E402
from kiln_test.serve import at_once, read_all, request  # noqa: E402

CLIENTS = 8


class HttpOverABadNetwork(netlab.Case):
    def download(self, host, path, size):
        """Its SHA-256, asked for as a range from the first byte on, as firmware does that resumes."""
        with host.inside():
            connection = socket.create_connection(("10.77.0.1", 8080), 60)
        with connection:
            connection.sendall(request(path, "Range: bytes=0-", "Connection: close"))
            head, body = read_all(connection).split(b"\r\n\r\n", 1)
        self.assertIn(b"206 Partial Content", head)
        self.assertEqual(len(body), size)
        return hashlib.sha256(body).hexdigest()

    def test_loss_and_reordering(self):
        """1 % and 10 % of the packets lost in both directions, 10 % out of order: every download is right"""
        size = 1_000_000
        content = random.Random(3).randbytes(size)
        self.write("files/web-initrd.img", content)
        server = self.network.host("server", "10.77.0.1/24")
        client = self.network.host("client", "10.77.0.2/24", impairable=True)
        command = self.kiln.command("serve", "--port", "10.77.0.1:8080", self.path("files"))
        console = self.start(server, *command, name="kiln serve")
        console.wait_for("http://10.77.0.1:8080/", 20)
        for loss, reorder in ((0, 0), (0.01, 0.1), (0.1, 0.1)):
            client.impair(loss, reorder)
            begin = time.monotonic()
            sums = at_once(CLIENTS, lambda _: self.download(client, "/web-initrd.img", size))
            self.assertEqual(set(sums), {hashlib.sha256(content).hexdigest()})
            self.checked(f"{CLIENTS} downloads of 1 MB at {loss:.0%} loss, {reorder:.0%} late: {time.monotonic() - begin:.1f} s")
        client.impair()
        complete = console.text.count("GET /web-initrd.img 206 1.0 MB")
        end = time.monotonic() + 10
        while complete < 3 * CLIENTS and time.monotonic() < end:
            time.sleep(0.2)
            complete = console.text.count("GET /web-initrd.img 206 1.0 MB")
        self.assertEqual(complete, 3 * CLIENTS)
        self.checked("the log has each as complete")


if __name__ == "__main__":
    netlab.enter()
    case.main()
