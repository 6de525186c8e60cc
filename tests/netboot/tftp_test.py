#!/usr/bin/env python3
"""The TFTP server on a network: many clients, loss, reordering, packets that make no sense."""

import hashlib
import itertools
import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from kiln_test import case, netclients, netlab

SERVERS = os.path.abspath(os.environ.get("NETBOOT_SERVERS", "build/dev/tests/netboot/netboot_servers"))
SERVER = "10.77.0.1"

# What clients ask for: edk2, iPXE, an old PXE ROM, Linux' own client with large windows.
MANNERS = [
    {"blksize": 1468, "windowsize": 4},
    {"blksize": 1432},
    {"blksize": None, "tsize": False},
    {"blksize": 1468, "windowsize": 16},
    {"blksize": 1024, "windowsize": 64, "timeout": 1},
]


class Tftp(case.Case):
    @classmethod
    def setUpClass(cls):
        cls.network = netlab.Network()
        cls.server = cls.network.host("server", f"{SERVER}/24")
        cls.clients = cls.network.host("clients", "10.77.0.2/24", impairable=True)

    @classmethod
    def tearDownClass(cls):
        cls.network.remove()

    def setUp(self):
        super().setUp()
        chance = random.Random(1)
        self.files = {}
        for name, size in {"small": 700, "even": 1468 * 20, "ipxe.efi": 300_000, "kernel": 3_000_000}.items():
            self.files[name] = chance.randbytes(size)
            self.write(os.path.join("tftp", name), self.files[name])
        self.write("secret", "not to be seen")
        os.symlink("../secret", self.path("tftp", "link"))
        self.clients.impair()

    def serve(self, *more):
        program = self.server.start(SERVERS, "--tftp", self.path("tftp"), "--per-peer", 1000, *more)
        self.addCleanup(program.kill)
        program.wait_for("^ready$", 20)
        return program

    def take(self, wanted, timeout):
        """All (name, options) at once, byte for byte; the downloads."""
        with self.clients.inside():
            downloads = [netclients.TftpDownload(SERVER, name, keep=False, **options) for name, options in wanted]
            netclients.tftp_run(downloads, timeout)
        for download in downloads:
            self.assertIsNone(download.error, f"{download.name} with {download.asked}")
            content = self.files[download.name]
            self.assertEqual((download.size, download.digest), (len(content), hashlib.sha256(content).hexdigest()), download.name)
        return downloads

    def test_many(self):
        """200 clients at once, of five kinds, from files and from memory"""
        for more in ([], ["--memory"]):
            program = self.serve(*more)
            manners = itertools.cycle(MANNERS)
            self.take([(name, next(manners)) for name in ("ipxe.efi", "small") for _ in range(100)], 120)
            self.assertEqual(program.terminate(), 0)
            odd = [line for line in program.lines() if line.startswith("TFTP") and " complete " not in line]
            self.assertEqual((program.text.count(" complete "), odd), (200, []))
        self.checked("200 downloads, twice; every one complete to the server too")

    def lossy(self, loss, reorder, count, timeout):
        self.serve()
        self.clients.impair(loss=loss, reorder=reorder)
        manners = itertools.cycle(MANNERS)
        began = time.monotonic()
        downloads = self.take([(name, next(manners)) for name in ("even", "ipxe.efi") for _ in range(count)], timeout)
        self.checked(f"{len(downloads)} downloads in {time.monotonic() - began:.1f} s, {sum(d.repeats for d in downloads)} repeats of clients")

    def test_loss_1(self):
        """1 % of the packets lost, 1 % late"""
        self.lossy(0.01, 0.01, 20, 120)

    def test_loss_10(self):
        """10 % of the packets lost, 10 % late"""
        self.lossy(0.10, 0.10, 10, 240)

    def test_noise(self):
        """Random, truncated and oversized packets; then all is as before"""
        program = self.serve()
        noise = netclients.noise(7)
        with self.clients.inside():
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for number in range(20_000):
                udp.sendto(next(noise), (SERVER, 69))
                if number % 500 == 0:  # its own transfers' ports too
                    time.sleep(0.01)
        self.take([("ipxe.efi", MANNERS[0]), ("small", MANNERS[2])], 60)
        with open(f"/proc/{program.process.pid}/status", encoding="ascii") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        self.assertLess(peak, 64 << 10, "KiB of memory")
        self.assertEqual(program.terminate(), 0)
        self.checked(f"20000 packets; peak memory {peak} KiB")

    def test_confined(self):
        """No name leads out of the directory, nothing can be written"""
        self.serve()
        with self.clients.inside():
            for name in ("../secret", "/../secret", "a/../../secret", "..\\secret", "link", "tftp/../../secret", "", "/", ".", "small/"):
                (download,) = netclients.tftp_run([netclients.TftpDownload(SERVER, name)], 10)
                if name == "small/":
                    self.assertIsNone(download.error)
                else:
                    self.assertRegex(download.error or "it was sent", "no such file|is not allowed", name)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.settimeout(10)
            udp.sendto(b"\0\2new\0octet\0", (SERVER, 69))
            self.assertEqual(udp.recv(600), b"\0\5\0\2files can only be read here\0")
        self.assertEqual(sorted(os.listdir(self.path("tftp"))), ["even", "ipxe.efi", "kernel", "link", "small"])
        self.checked("10 names, and a write request")

    def test_blocks_go_round(self):
        """A file of more than 65536 blocks"""
        self.files["large"] = random.Random(2).randbytes(8 * 70_000 + 5)
        self.write("tftp/large", self.files["large"])
        self.serve()
        self.take([("large", {"blksize": 8, "windowsize": 64})], 120)
        self.checked("70000 blocks of 8 bytes")

    def test_curl(self):
        """curl's TFTP client takes the same bytes"""
        self.needs("curl")
        self.serve()
        for size in (512, 1468):
            url = f"tftp://{SERVER}/kernel"
            self.clients.run("curl", "-sS", "--max-time", 60, "--tftp-blksize", size, "-o", self.path("got"), url)
            with open(self.path("got"), "rb") as stream:
                self.assertEqual(stream.read(), self.files["kernel"])
        self.checked("3 MB with two block sizes")


if __name__ == "__main__":
    netlab.enter()
    case.main()
