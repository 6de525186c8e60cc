#!/usr/bin/env python3
"""One boot of a machine that is told by its kernel command line where to ask for its metadata and whom to call when it is up,
and that is told nothing about its console.

usage: home_test.py ARCH
"""

import http.server
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case
from kiln_test.machine import Machine


DISK_META, DISK_USER = "local-hostname: from-disk\n", "user data of the disk"


class _Home(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = self.server.pages.get(self.path)
        self.send_response(200 if page else 404)
        self.end_headers()
        self.wfile.write((page or "").encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.server.changed:
            self.server.posts.append((self.path, self.headers["Content-Type"], body))
            first = len(self.server.posts) == 1
            self.server.changed.notify_all()
        # The first call finds nobody ready to listen: the machine has to call again.
        self.send_response(503 if first else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Home(http.server.ThreadingHTTPServer):
    """Where the machine calls: pages for its metadata, and what it said."""

    def __init__(self, pages):
        super().__init__(("127.0.0.1", 0), _Home)
        self.pages, self.posts, self.changed = pages, [], threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait_for_post(self, number, timeout):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.posts) >= number, timeout), f"{len(self.posts)} calls home, expected {number}"
            return self.posts[number - 1]


class CallHome(case.Case):
    def test_home(self):
        """metadata by HTTP and from a disk, calls home, a login where the kernel chose its console"""
        self.needs("xorriso", "mkfs.vfat", "mcopy")
        self.home = Home({"/seed/meta-data": "local-hostname: node-9\n", "/seed/user-data": '{"app": {"content": "from http"}}'})
        self.addCleanup(self.home.shutdown)
        self.kiln.store = os.path.join(case.WORK, "boot-store")
        self.build()
        # On amd64 a FAT disk, on arm64 an ISO: neither in a drive for discs.
        disk = self.fat() if ARCH == "amd64" else self.iso()
        self.machine = Machine(self.kiln, "--state", self.path("state"), "--disk", disk, os.path.join(self.kiln.out, "os"))
        self.addCleanup(self.machine.kill)
        try:
            self.look()
        except BaseException:
            self.write("console", self.machine.text)
            raise

    def build(self):
        base = f"http://10.0.2.2:{self.home.server_address[1]}"
        # On arm64 the device tree's stdout-path, which is ttyAMA0; QEMU's PC has no such table. There: a UART it has not, and one
        # it has. (Of two ttyS the first must be there: the kernel gives up on the driver's console otherwise.)
        console = "earlycon" if ARCH == "arm64" else "console=ttyAMA0 console=ttyS0,115200"
        metadata = {"image": "@kiln:metadata"}
        disk = "/usr/bin/metadata", "-config-dir"
        result = self.kiln.build(self.write_system({
            "kernel": {"image": "@kiln:kernel-cloud",
                       "cmdline": f"{console} kiln.report={base}/report/a kiln.metadata={base}/seed"},
            "init": ["@kiln:init", "@kiln:crun"],
            "onboot": [
                {"name": "dhcpcd", "image": "@kiln:dhcpcd"},
                {"name": "disk", **metadata, "command": [*disk, "/run/disk", "cdrom"]},
                {"name": "metadata", **metadata},
            ],
            "services": [{"name": "getty", "image": "@kiln:getty", "env": ["INSECURE=true"]}],
        }), arch=ARCH, timeout=1500)  # fmt: skip
        self.succeeds(result)

    def iso(self):
        self.write("iso/meta-data", DISK_META)
        self.write("iso/user-data", DISK_USER)
        image = self.path("seed.iso")
        self.tool("xorriso", "-as", "mkisofs", "-quiet", "-V", "cidata", "-J", "-r", "-o", image, self.path("iso"))
        return image

    def fat(self):
        image = self.path("seed.fat")
        self.tool("mkfs.vfat", "-C", "-n", "CIDATA", image, "1440")
        self.tool("mcopy", "-i", image, self.write("meta-data", DISK_META), "::meta-data")
        self.tool("mcopy", "-i", image, self.write("user-data", DISK_USER), "::user-data")
        return image

    def look(self):
        machine = self.machine
        machine.wait_for(r"^kiln: up in [\d.]+s: 3 onboot \(0 failed\), 1 services, used \d+ MiB$", 240)
        self.assertRegex(machine.text, r"(?m)^metadata: from CDROM /dev/vd[ab]$")
        self.assertRegex(machine.text, r"(?m)^metadata: from NoCloud http://10\.0\.2\.2:\d+/seed$")
        self.checked("metadata from a virtio disk, and from the address on the command line")
        refused = self.home.wait_for_post(1, 30)
        path, kind, body = self.home.wait_for_post(2, 60)
        self.assertEqual((path, kind), ("/report/a", "application/json"))
        self.assertEqual(refused[0], path)
        report = json.loads(body)
        self.assertRegex(report["mac"], r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$")
        found = {key: report[key] for key in ("hostname", "arch", "stage", "state", "failed")}
        self.assertEqual(found, {"hostname": "node-9", "arch": ARCH, "stage": "up", "state": "running", "failed": False})
        self.assertRegex(report["message"], r"^up in [\d.]+s: 3 onboot \(0 failed\), 1 services$")
        self.assertEqual([row["name"] for row in report["services"]], ["000-dhcpcd", "001-disk", "002-metadata", "getty"])
        self.checked("it called home, and again as the first call was refused: " + body.split('"services"')[0])
        # What is typed before the login has its shell is lost.
        machine.wait_for(r"node-9:~# \Z", 60)
        machine.type("head -n 99 /run/disk/* /run/config/* /sys/class/net/eth0/address; echo read by $(hostname)\n")
        machine.wait_for(r"^read by node-9$", 60)
        for line in (DISK_USER, "from-disk", "from http", report["mac"]):
            self.assertIn(line, machine.text)
        self.checked("a login where the kernel chose its console; files and host name are there, the MAC address is eth0's")
        machine.type("poweroff\n")
        self.assertEqual(machine.ended(120), 0)
        report = json.loads(self.home.wait_for_post(3, 1)[2])
        self.assertEqual((report["stage"], report["state"]), ("stopping", "stopping"))
        self.assertRegex(report["message"], "^poweroff asked for by ")
        self.assertNotIn("calling home", machine.text)
        self.checked("and it said goodbye: " + report["message"])


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("arm64", "amd64"):
        sys.exit(__doc__)
    ARCH = sys.argv.pop(1)
    case.main()
