#!/usr/bin/env python3
"""kiln serve, the file server: what foreign clients get from it, and what rude ones do not do to it."""

import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from kiln_test import case  # noqa: E402
from kiln_test.serve import Server, at_once, exchange, read_all, request  # noqa: E402

MEGABYTE = 1_000_000


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Http(case.Case):
    def setUp(self):
        super().setUp()
        self.needs("curl")
        self.content = random.Random(1).randbytes(5 * MEGABYTE)
        self.write("files/web-initrd.img", self.content)
        self.write("files/boot.ipxe", "#!ipxe\n")
        self.write("files/sub/page.html", "<p>page</p>")
        self.write("secret", "the secret")

    def serve(self, *options, **more):
        server = Server(self.kiln, self.path("files"), *options, **more)
        self.addCleanup(self.stop, server)
        return server

    def stop(self, server):
        if server.process.poll() is None:
            self.assertEqual(server.stop(), 0)

    def curl(self, *arguments, status=0):
        result = subprocess.run(["curl", "-sS", "--noproxy", "*", *arguments], capture_output=True, check=False)
        self.assertEqual(result.returncode, status, result.stderr.decode())
        return result.stdout

    def test_curl(self):
        """curl gets files, heads, ranges, and resumes what was cut off"""
        server = self.serve()
        url = server.url + "/web-initrd.img"
        self.assertEqual(sha256(self.curl(url)), sha256(self.content))
        self.assertEqual(self.curl(url, "--http1.0"), self.content)
        self.assertEqual(self.curl(url, url, server.url + "/boot.ipxe"), self.content * 2 + b"#!ipxe\n")
        self.checked("whole files, by HTTP/1.1 and 1.0, several on one connection")

        head = self.curl("-I", url).decode()
        self.assertRegex(head, r"^HTTP/1.1 200 OK\r\n")
        for line in ("Content-Length: 5000000", "Accept-Ranges: bytes", "Content-Type: application/octet-stream", 'ETag: "', "Last-Modified: "):
            self.assertIn(f"\r\n{line}", head)
        self.checked("HEAD")

        for spelled, expected in (("0-0", self.content[:1]), ("100000-3999999", self.content[100000:4000000]), ("4999990-", self.content[-10:]), ("-7", self.content[-7:])):
            self.assertEqual(self.curl("-r", spelled, url), expected)
        several = self.curl("-r", "0-99999,2000000-2000009", "-D", self.path("head"), url)
        boundary = re.search(r"boundary=(\S+)", open(self.path("head"), encoding="ascii").read()).group(1).encode()
        parts = several.split(b"\r\n--" + boundary)
        self.assertEqual(len(parts), 4)
        self.assertEqual([part.split(b"\r\n\r\n", 1)[1] for part in parts[1:3]], [self.content[:100000], self.content[2000000:2000010]])
        self.assertIn(b"416 Range Not Satisfiable: the file has 5000000 bytes", self.curl("-r", "5000000-", url))
        self.checked("single ranges, several at once, and one beyond the end")

        partial = self.write("partial", self.content[:1234567])
        self.curl("-C", "-", "-o", partial, url)
        self.assertEqual(open(partial, "rb").read(), self.content)
        resumed = [event for event in server.wait_for_events(13) if event["target"] == "/web-initrd.img"][-1]
        self.assertEqual((resumed["offset"], resumed["sent"]), (1234567, 5 * MEGABYTE - 1234567))
        self.checked("curl -C - fetches the rest alone")

    def test_caches(self):
        """what has not changed is not sent again, and a resumed download does not mix two versions"""
        server = self.serve()
        url = server.url + "/web-initrd.img"
        tag, copy = self.path("tag"), self.path("copy")
        self.curl("--etag-save", tag, "-o", copy, url)
        code = ["-w", "%{http_code}", "-o", self.path("again")]
        self.assertEqual(self.curl("--etag-compare", tag, *code, url), b"304")
        self.assertEqual(self.curl("-z", copy, *code, url), b"304")
        etag = open(tag, encoding="ascii").read().strip()
        self.assertEqual(self.curl("-r", "0-9", "-H", f"If-Range: {etag}", *code, url), b"206")
        time.sleep(0.02)
        with open(self.path("files/new"), "wb") as stream:
            stream.write(self.content[::-1])
        os.rename(self.path("files/new"), self.path("files/web-initrd.img"))
        self.assertEqual(self.curl("--etag-compare", tag, *code, url), b"200")
        self.assertEqual(self.curl("-r", "0-9", "-H", f"If-Range: {etag}", *code, url), b"200")
        self.assertEqual(open(self.path("again"), "rb").read(), self.content[::-1])
        self.assertEqual(self.curl("-H", f"If-Match: {etag}", *code, url), b"412")
        self.checked("If-None-Match, If-Modified-Since, If-Range, If-Match before and after a rebuild")

    def test_linuxkit_flags(self):
        """--port and --directory as LinuxKit has them, both families of addresses, a listing"""
        process = self.kiln.start("serve", "--port", ":0", "--directory", self.path("files"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = [process.stdout.readline().decode(), process.stdout.readline().decode()]
        self.assertEqual(lines[0], f"serving {self.path('files')} at\n")
        port = re.fullmatch(r"  http://127\.0\.0\.1:(\d+)/\n", lines[1]).group(1)
        page = self.curl(f"http://127.0.0.1:{port}/").decode()
        self.assertEqual(re.findall(r'href="([^"]*)"', page), ["./boot.ipxe", "./sub/", "./web-initrd.img"])
        if os.path.exists("/proc/net/if_inet6") and "lo" in open("/proc/net/if_inet6", encoding="ascii").read():
            self.assertEqual(self.curl("-g", f"http://[::1]:{port}/boot.ipxe"), b"#!ipxe\n")
            self.checked("IPv6")
        self.assertEqual(self.curl("-L", f"http://127.0.0.1:{port}/sub"), self.curl(f"http://127.0.0.1:{port}/sub/"))
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().decode()
        self.assertEqual(process.wait(10), 0)
        self.assertRegex(rest, r"(?m)^\d\d:\d\d:\d\d 127\.0\.0\.1 GET /boot\.ipxe 200 7 B in 0\.0 s$|^\d\d:\d\d:\d\d 127\.0\.0\.1 GET / 200 ")
        self.checked("the URLs, the log, the listing and Ctrl-C")

    def test_messages(self):
        """what cannot be served is said, with what to do"""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.fails_with(
                self.kiln.run("serve", "--port", address),
                f"error: listening on {address}: Address already in use\nhint: another program listens there; end it or choose another port\n",
            )
        nowhere = self.path("nowhere")
        self.fails_with(self.kiln.run("serve", nowhere), f"error: opening the directory '{nowhere}': No such file or directory\n")
        self.fails_with(
            self.kiln.run("serve", "--port", "http"),
            "error: the address 'http': expected a port from 0 to 65535, got 'http'\nhint: write HOST:PORT, [IPV6]:PORT, :PORT or PORT\n",
        )

    def test_two_hundred_clients(self):
        """200 clients at once, each gets every byte"""
        server = self.serve()

        def download(i):
            path = "/web-initrd.img" if i % 2 else "/web-initrd.img?client=" + str(i)
            with server.connect(120) as connection:
                connection.sendall(request(path, "Connection: close"))
                head, body = read_all(connection).split(b"\r\n\r\n", 1)
            return head.split(b"\r\n")[0], sha256(body)

        self.assertEqual(set(at_once(200, download)), {(b"HTTP/1.1 200 OK", sha256(self.content))})
        events = server.wait_for_events(200)
        self.assertEqual({(event["sent"], event.get("cut")) for event in events}, {(len(self.content), None)})
        self.checked("200 downloads of 5 MB at once, by SHA-256")

    def test_slow_loris(self):
        """500 clients whose heads never end do not keep a normal one waiting, and are turned out"""
        server = self.serve()
        rude = [server.connect(60) for _ in range(500)]
        self.addCleanup(lambda: [connection.close() for connection in rude])
        for connection in rude:
            connection.sendall(b"GET /boot.ipxe HTTP/1.1\r\nHost: x\r\n")
        begin = time.monotonic()
        slowest = 0
        while time.monotonic() - begin < 15:
            for connection in rude:
                connection.sendall(b"X: y\r\n")
            asked = time.monotonic()
            self.assertEqual(self.curl(server.url + "/boot.ipxe"), b"#!ipxe\n")
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(2)
        self.assertLess(slowest, 3)
        answers = {read_all(connection).split(b"\r\n")[0] for connection in rude}
        self.assertEqual(answers, {b"HTTP/1.1 408 Request Timeout"})
        self.assertLess(time.monotonic() - begin, 50)
        self.checked(f"a normal client waited {slowest:.2f} s at most; the 500 got 408")

    def test_escapes(self):
        """no path leads out of the directory"""
        os.symlink("../secret", self.path("files/link"))
        os.symlink(self.path("secret"), self.path("files/absolute"))
        os.symlink("/proc/self/root" + self.path("secret"), self.path("files/magic"))
        server = self.serve()
        targets = ["/../secret", "/sub/../../secret", "/%2e%2e/secret", "/..%2fsecret", "/%2e%2e%2fsecret", "/.%2e/secret", "/%252e%252e/secret",
                   "/..%5csecret", "/..\\secret", "/%00/../secret", "/boot.ipxe%00/../../secret", "//../secret", "/./../secret", "/sub/..//..//secret",
                   "/..;/secret", "/%c0%ae%c0%ae/secret", "/%uff0e%uff0e/secret", "http://test/../secret", "http:///../secret", "../secret", "secret",
                   "/link", "/absolute", "/magic", self.path("secret"), "/" + self.path("secret"), "/?file=../secret", "/..", "/../", "*", "//secret/../../secret"]
        for target in targets:
            answer = exchange(server, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            self.assertNotIn(b"the secret", answer, target)
            self.assertRegex(answer, rb"^HTTP/1\.1 (400|403|404) " if target != "/?file=../secret" else rb"^HTTP/1\.1 200 ", target)
        self.checked(f"{len(targets)} spellings, symlinks among them")

    def test_rude_bytes(self):
        """truncated, oversized and random input: an answer or none, and the server lives"""
        server = self.serve()
        generator = random.Random(2)
        good = request("/web-initrd.img", "Range: bytes=0-9", "Connection: close")
        statuses = set()
        for length in range(0, len(good), 3):
            self.assertEqual(exchange(server, good[:length]), b"")
        for _ in range(300):
            data = bytearray(good * generator.randint(1, 3))
            for _ in range(generator.randint(1, 8)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            statuses.add(exchange(server, bytes(data), generator.choice([None, 1, 7]))[:12])
        for _ in range(100):
            statuses.add(exchange(server, generator.randbytes(generator.randint(1, 50000)))[:12])
        for data in (b"GET /" + b"x" * MEGABYTE, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100000, b"\r\n" * MEGABYTE,
                     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * MEGABYTE):
            statuses.add(exchange(server, data)[:12])
        for status in statuses:
            self.assertRegex(status, rb"^(HTTP/1\.1 (20[06]|4\d\d|50[15]))?$")
        self.assertEqual(sha256(self.curl(server.url + "/web-initrd.img")), sha256(self.content))
        self.checked(f"{len(statuses)} kinds of answers: {sorted(status.decode() for status in statuses)}")

    def test_clients_that_leave(self):
        """a client that goes away half-way is told apart from one that got everything"""
        self.write("files/large", bytes(60 * MEGABYTE))
        server = self.serve()
        with server.connect() as connection:
            connection.sendall(request("/large"))
            read_all(connection, 3 * MEGABYTE)
        event = server.wait_for_events(1)[0]
        self.assertEqual((event["cut"], event["status"], event["size"]), ("client closed the connection", 200, 60 * MEGABYTE))
        self.assertGreater(event["sent"], 2 * MEGABYTE)
        self.assertLess(event["sent"], 60 * MEGABYTE)
        self.checked(f"cut off at {event['sent']} of {event['size']}")

    def test_a_file_that_shrinks(self):
        """the connection is cut where the file ends now, and nothing is made up"""
        size = 200 * MEGABYTE
        with open(self.path("files/shrinks"), "wb") as stream:
            for _ in range(size // MEGABYTE):
                stream.write(b"x" * MEGABYTE)
        server = self.serve()
        with server.connect() as connection:
            connection.sendall(request("/shrinks"))
            data = read_all(connection, MEGABYTE)
            os.truncate(self.path("files/shrinks"), 100 * MEGABYTE)
            data += read_all(connection)
        head, body = data.split(b"\r\n\r\n", 1)
        self.assertIn(b"Content-Length: 200000000", head)
        self.assertLess(len(body), size)
        self.assertEqual(body.count(b"x"), len(body))
        self.assertEqual(server.wait_for_events(1)[0]["cut"], "a file became shorter while it was sent")
        self.checked(f"{len(body)} bytes, all of them the file's")

    def test_nothing_leaks(self):
        """descriptors and memory after all that are what they were"""
        self.write("files/large", bytes(30 * MEGABYTE))
        server = self.serve()

        def mixture(i):
            kind = i % 5
            if kind == 0:
                exchange(server, b"GET /../x HTTP/1.1\r\n\r\n")
            elif kind == 1:
                exchange(server, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + bytes(50000))
            elif kind == 2:
                with server.connect() as connection:
                    connection.sendall(request("/large"))
                    read_all(connection, MEGABYTE)
            elif kind == 3:
                exchange(server, request("/web-initrd.img") * 3)
            else:
                exchange(server, request("/boot.ipxe", "Connection: close"))

        for _ in range(2):  # the first rounds fill what is kept for ever: buffers of the allocator, of libc
            at_once(50, mixture)
        time.sleep(3)
        before = server.descriptors(), server.resident()
        for _ in range(10):
            at_once(50, mixture)
        time.sleep(3)
        after = server.descriptors(), server.resident()
        self.assertEqual(after[0], before[0])
        self.assertLess(after[1], before[1] + 4 * MEGABYTE)
        self.checked(f"{before[0]} descriptors and {before[1] / 1e6:.1f} MB before, {after[0]} and {after[1] / 1e6:.1f} MB after 500 connections")

    def test_without_descriptors(self):
        """more clients than descriptors: no one is lost for ever, and the processor is not kept busy"""
        self.needs("prlimit")
        self.write("files/large", bytes(20 * MEGABYTE))
        server = self.serve(prefix=("prlimit", "--nofile=72:72"))
        idle = [server.connect() for _ in range(100)]
        self.addCleanup(lambda: [connection.close() for connection in idle])
        self.assertEqual(self.curl(server.url + "/boot.ipxe"), b"#!ipxe\n")
        self.checked("100 idle clients make room for one that asks")
        busy = [server.connect() for _ in range(60)]
        for connection in busy:
            connection.sendall(request("/large", "Connection: close"))
        time.sleep(1)
        before = server.processor_time()
        time.sleep(2)
        spent = server.processor_time() - before
        self.assertLess(spent, 0.2)
        sizes = at_once(60, lambda i: len(read_all(busy[i])))
        self.assertEqual({size > 20 * MEGABYTE for size in sizes}, {True})
        self.checked(f"60 stalled downloads, 20 at a time: {spent * 1000:.0f} ms of processor time in 2 s; in the end each got its file")

    def test_stopping(self):
        """SIGTERM lets a transfer end; a second one does not wait"""
        self.write("files/large", bytes(60 * MEGABYTE))
        for signals in (1, 2):
            server = self.serve()
            with server.connect() as connection:
                connection.sendall(request("/large"))
                data = read_all(connection, MEGABYTE)
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(
                    server.wait_for_events(1, "info")[0]["message"], "stopping after 1 transfer, or 10 seconds; Ctrl-C again: at once"
                )
                with self.assertRaises(ConnectionRefusedError):
                    server.connect()
                if signals == 2:
                    self.assertEqual(server.stop(), 0)
                data += read_all(connection)
                self.assertEqual(len(data) > 60 * MEGABYTE, signals == 1)
            self.assertEqual(server.stop(), 0)
        self.checked("one signal and two")


if __name__ == "__main__":
    case.main()
