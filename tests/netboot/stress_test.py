#!/usr/bin/env python3
"""`kiln serve --pxe` as one program under everything a network does: packets that get lost and overtake each other, hundreds
of machines at once, clients that dawdle, and noise. No byte may be wrong, nothing may crash, nothing may leak.

The packages come from the store that the boot tests fill: `boot/boot_test.py packages amd64`.
"""

import hashlib
import json
import os
import select
import socket
import sys
import tarfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../boot"))
from boot_test import shared_store
from kiln_test import case, netclients, netlab
from kiln_test.netclients import TftpDownload

SERVER, PORT = "10.77.0.1", 8080
URL = f"http://{SERVER}:{PORT}"
SYSTEM = {"kernel": {"image": "@kiln:kernel-cloud"}, "init": ["@kiln:init", "@kiln:crun"]}
MANY = 200


class Stress(netlab.Case):
    def setUp(self):
        super().setUp()
        self.kiln.store = shared_store()
        self.server = self.network.host("server", SERVER + "/24", impairable=self._testMethodName == "test_impaired")
        self.client = self.network.host("client", "10.77.0.9/24")
        self.write_system(SYSTEM)
        self.succeeds(self.kiln.build(self.path("os.yml"), "--format", "kernel+initrd"))
        self.programs = self.ipxe_programs()
        command = self.kiln.command("serve", "--pxe", self.path("os.yml") + ",arch=amd64", "--interface", "eth0", "--dhcp", "full")
        command += ["--range", "10.77.0.20-10.77.0.250"]
        self.log = self.start(self.server, *command, name="kiln serve", env=self.kiln.environment(), cwd=self.work)
        self.log.wait_for("status page: ", 300)
        self.enterContext(self.client.inside())
        self.image = json.loads(self.get("/api/os")[1])["systems"][0]["image"]
        self.initrd = self.expected("os-initrd.img")
        self.kernel = self.expected("os-kernel")

    def ipxe_programs(self):
        """name: content of what the package has."""
        self.write_system({"init": ["@kiln:ipxe"]}, "ipxe.yml")
        self.succeeds(self.kiln.build(self.path("ipxe.yml"), "--format", "tar", name="ipxe"))
        with tarfile.open(os.path.join(self.kiln.out, "ipxe.tar")) as tar:
            return {
                os.path.basename(entry.name): tar.extractfile(entry).read()
                for entry in tar
                if entry.isfile() and entry.name.startswith("usr/lib/ipxe/")
            }

    def expected(self, name):
        with open(os.path.join(self.kiln.out, name), "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()

    def get(self, path, timeout=120):
        with urllib.request.urlopen(URL + path, timeout=timeout) as reply:
            return reply.status, reply.read()

    def digest_of(self, path, timeout=120):
        """The SHA-256 of what the server sends, with the length it promised."""
        digest, size = hashlib.sha256(), 0
        with urllib.request.urlopen(URL + path, timeout=timeout) as reply:
            promised = int(reply.headers["Content-Length"])
            while data := reply.read(1 << 16):
                digest.update(data)
                size += len(data)
        return digest.hexdigest() if size == promised else f"{size} bytes of {promised}"

    def system_path(self, name):
        return f"/os/{self.image['id']}/{name}"

    def program_is_right(self, download, name):
        self.assertIsNone(download.error)
        self.assertEqual(download.digest, hashlib.sha256(self.programs[name]).hexdigest(), f"{name}: {download.size} bytes")

    def resources(self):
        """Of the server: (KiB of resident memory, open files)."""
        with open(f"/proc/{self.log.process.pid}/status", encoding="ascii") as stream:
            memory = next(int(line.split()[1]) for line in stream if line.startswith("VmRSS:"))
        return memory, len(os.listdir(f"/proc/{self.log.process.pid}/fd"))

    def settles(self, files, timeout=90):
        """Waits until the server has no more files open than `files`; the last resources()."""
        deadline = time.monotonic() + timeout
        while (now := self.resources())[1] > files and time.monotonic() < deadline:
            time.sleep(0.5)
        self.assertLessEqual(now[1], files, "open files of the server")
        return now

    def alive(self):
        self.assertIsNone(self.log.process.poll(), "the server ended")
        self.assertEqual(self.get("/healthz"), (200, b"ok\n"))

    def test_impaired(self):
        """1 % loss, 10 % loss, reordering: every byte arrives by TFTP and by HTTP"""
        for name, impairment in [
            ("1 % loss", {"loss": 0.01}),
            ("10 % loss", {"loss": 0.1}),
            ("20 % of the packets overtaken", {"reorder": 0.2, "delay": 0.005}),
        ]:
            self.server.impair(**impairment)
            began = time.monotonic()
            wanted = [
                ("undionly.kpxe", {"blksize": 1432}),
                ("ipxe-arm64.efi", {"blksize": 1432, "windowsize": 4}),
                ("ipxe-arm64.efi", {"blksize": 1432, "windowsize": 64}),
                ("undionly.kpxe", {"blksize": None, "tsize": False}),  # as RFC 1350 has it
            ]
            downloads = [TftpDownload(SERVER, program, timeout=1, patience=0.1, **options) for program, options in wanted]
            netclients.tftp_run(downloads, 300)
            for (program, options), download in zip(wanted, downloads):
                with self.subTest(impairment=name, options=options):
                    self.program_is_right(download, program)
            tftp = time.monotonic() - began
            began = time.monotonic()
            self.assertEqual(self.digest_of(self.system_path("initrd.img"), 300), self.initrd)
            http = time.monotonic() - began
            self.checked(f"{name}: {len(wanted)} programs by TFTP in {tftp:.1f} s, {self.image['initramfs']['size']} bytes by HTTP in {http:.1f} s")
        self.server.impair()
        self.alive()

    def test_many(self):
        """200 machines ask by DHCP, load iPXE by TFTP, and their system by HTTP, at once"""
        self.get("/healthz")
        before = self.resources()
        addresses = [reply.address for reply in self.addresses().values()]
        self.checked(f"{MANY} machines got an address each, and a program")
        # One host has them all: the server allows each only so many transfers.
        self.client.run("sh", "-c", " && ".join(f"ip address add {address}/24 dev eth0" for address in addresses))
        began = time.monotonic()
        names = ["ipxe-arm64.efi", "ipxe-riscv64.efi", "undionly.kpxe", "snponly.efi"]
        downloads = [TftpDownload(SERVER, names[i % 4], windowsize=[None, 4, 16][i % 3], patience=2, keep=False, source=address) for i, address in enumerate(addresses)]
        netclients.tftp_run(downloads, 300)
        for i, download in enumerate(downloads):
            self.program_is_right(download, names[i % 4])
        self.checked(f"{MANY} downloads by TFTP in {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        self.http_at_once(addresses)
        self.checked(f"{MANY} initramfs by HTTP in {time.monotonic() - began:.1f} s")
        after = self.settles(before[1])
        self.checked(f"open files: {before[1]} before, {after[1]} after; memory: {before[0]} and {after[0]} KiB")
        self.assertLess(after[0], before[0] + 48 * 1024)
        self.alive()

    def addresses(self):
        requests = {}
        for i in range(MANY):
            xid = 0x77000000 + i
            packet = netclients.dhcp_packet(netclients.DISCOVER, f"52:54:00:78:00:{i:02x}", xid, netclients.pxe_options(netclients.ARM64))
            requests[xid] = packet
        with netclients.dhcp_socket() as udp:
            replies = netclients.dhcp_exchange(udp, requests, 30)
        self.assertEqual(len(replies), MANY)
        self.assertEqual(len({reply.address for reply in replies.values()}), MANY, "an address was offered twice")
        self.assertEqual({(reply.boot_file, reply.server, reply.kind) for reply in replies.values()}, {("ipxe-arm64.efi", SERVER, netclients.OFFER)})
        return replies

    def http_at_once(self, addresses):
        """A connection from each, which reads the whole initramfs, none faster than all others allow."""
        path = self.system_path("initrd.img")
        poll = select.epoll()
        open_now = {}
        for address in addresses:
            link = socket.create_connection((SERVER, PORT), 30, (address, 0))
            link.sendall(f"GET {path} HTTP/1.1\r\nHost: {SERVER}:{PORT}\r\nConnection: close\r\n\r\n".encode())
            link.setblocking(False)
            open_now[link.fileno()] = [link, b"", hashlib.sha256(), 0]
            poll.register(link.fileno(), select.EPOLLIN)
        deadline = time.monotonic() + 300
        while open_now:
            self.assertLess(time.monotonic(), deadline, f"{len(open_now)} of {len(addresses)} downloads do not end")
            for fd, _ in poll.poll(1):
                entry = open_now[fd]
                try:
                    data = entry[0].recv(1 << 18)
                except BlockingIOError:
                    continue
                if data and entry[1] is not None:
                    entry[1] += data
                    head, separator, rest = entry[1].partition(b"\r\n\r\n")
                    if not separator:
                        continue
                    self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
                    entry[1], data = None, rest
                if data:
                    entry[2].update(data)
                    entry[3] += len(data)
                else:
                    poll.unregister(fd)
                    entry[0].close()
                    del open_now[fd]
                    self.assertEqual((entry[3], entry[2].hexdigest()), (self.image["initramfs"]["size"], self.initrd))
        poll.close()

    def test_dawdlers(self):
        """Clients that send a request byte by byte, or read nothing, do not keep others out and are let go"""
        before = self.resources()
        dawdlers = [socket.create_connection((SERVER, PORT), 10) for _ in range(2 * MANY)]
        request = f"GET {self.system_path('kernel')} HTTP/1.1\r\nHost: {SERVER}\r\n".encode()
        for i, link in enumerate(dawdlers):
            link.settimeout(5)
            # A third never finishes its request, a third says nothing, a third reads nothing of what it asked for.
            link.sendall([request, b"", request + b"\r\n"][i % 3])
        stop = threading.Event()
        feeder = threading.Thread(target=self.feed, args=(dawdlers[::3], stop))
        feeder.start()
        try:
            began = time.monotonic()
            self.assertEqual(self.digest_of(self.system_path("initrd.img")), self.initrd)
            self.assertEqual(self.digest_of(self.system_path("kernel")), self.kernel)
            seconds = time.monotonic() - began
            self.assertLess(seconds, 20)
            self.checked(f"beside {len(dawdlers)} of them kernel and initramfs come in {seconds:.1f} s")
            self.gone(dawdlers[::3] + dawdlers[1::3], 120)
            self.checked("those whose request does not end are disconnected, whatever they go on sending")
        finally:
            stop.set()
            feeder.join()
            for link in dawdlers:
                link.close()
        after = self.settles(before[1])
        self.checked(f"open files: {before[1]} before, {after[1]} after; memory: {before[0]} and {after[0]} KiB")
        self.alive()

    @staticmethod
    def feed(links, stop):
        while not stop.wait(1.0):
            for link in links:
                try:
                    link.send(b"X")
                except OSError:
                    pass

    def gone(self, links, timeout):
        """That the server closes all of them."""
        deadline = time.monotonic() + timeout
        left = set(links)
        while left:
            self.assertLess(time.monotonic(), deadline, f"{len(left)} of {len(links)} are still connected after {timeout} s")
            for link in select.select(list(left), [], [], 1)[0]:
                try:
                    if link.recv(65536):
                        continue
                except OSError:
                    pass
                left.discard(link)

    def test_noise(self):
        """Random packets to every port: the server lives, and serves on"""
        self.addresses()
        before = self.resources()
        seed = int.from_bytes(os.urandom(4), "big")
        print(f"  the noise is that of seed {seed}")
        noise = netclients.noise(seed)
        began = time.monotonic()
        sent = 0
        with netclients.dhcp_socket() as udp:
            for port in (67, 69, 4011):
                for _ in range(5000):
                    try:
                        udp.sendto(next(noise)[:1472], (SERVER, port))
                    except OSError:
                        continue
                    sent += 1
        self.checked(f"{sent} packets to ports 67, 69 and 4011 in {time.monotonic() - began:.1f} s")
        for _ in range(500):
            with socket.create_connection((SERVER, PORT), 10) as link:
                link.settimeout(0.02)
                try:
                    for _ in range(3):
                        link.sendall(next(noise))
                        link.recv(65536)
                except OSError:
                    pass
        self.checked("500 connections of noise to the port of HTTP")
        self.alive()
        self.program_is_right(netclients.tftp_run([TftpDownload(SERVER, "ipxe-arm64.efi")], 60)[0], "ipxe-arm64.efi")
        self.escapes()
        # What noise began (half a TFTP transfer, say) ends when nobody answers.
        after = self.settles(before[1], 180)
        self.checked(f"open files: {before[1]} before, {after[1]} after; memory: {before[0]} and {after[0]} KiB")
        self.assertLess(after[0], before[0] + 32 * 1024)

    def escapes(self):
        for name in ["../../../../etc/passwd", "/etc/passwd", "..\\..\\etc\\passwd", "ipxe-arm64.efi/../../etc/passwd", "%2e%2e/etc/passwd", ""]:
            (download,) = netclients.tftp_run([TftpDownload(SERVER, name)], 20)
            self.assertRegex(download.error or "it was sent", r"^error [12]: ", name)
        for path in ["/../../etc/passwd", "/os/../../../etc/passwd", "/ipxe/..%2f..%2f..%2fetc%2fpasswd", "/ipxe//etc/passwd", "/%2e%2e/etc/passwd"]:
            with socket.create_connection((SERVER, PORT), 10) as link:
                link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                reply = b"".join(iter(lambda: link.recv(65536), b""))
            self.assertRegex(reply, rb"^HTTP/1\.1 40[04] ", path)
            self.assertNotIn(b"root:", reply)
        self.checked("no path leads out, by TFTP or HTTP")


if __name__ == "__main__":
    netlab.enter()
    case.main()
