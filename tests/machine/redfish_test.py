#!/usr/bin/env python3
"""`kiln run redfish` against a double of a BMC (kiln_test/redfish_bmc.py), console by a real sshd.

usage: redfish_test.py Quick    a machine that only fetches what it is to boot
       redfish_test.py Boot     QEMU with UEFI and iPXE, up to the operating system
"""

import functools
import http.server
import os
import shutil
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from kiln_test import bare_metal, case, netlab
from kiln_test.machine import Console
from kiln_test.redfish_bmc import ROOT, RedfishBmc
from kiln_test.registry import free_port
from systems import QUICK_KERNEL, boots_here, build_ipxe, build_system, fill_store, ipxe_program

PASSWORD = "s3cret"


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Redfish(case.Case):
    program = staticmethod(bare_metal.sketch)
    host = "127.0.0.1"  # this one, as the machine sees it

    def setUp(self):
        super().setUp()
        self.needs("ssh", "ssh-keygen", "openssl", "/usr/sbin/sshd")
        self.certificate, key = self.path("bmc.crt"), self.path("bmc.key")
        self.tool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bmc",
                  "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate)
        self.consoles = bare_metal.ConsoleHost(self.work, free_port())
        self.addCleanup(self.consoles.stop)
        self.bmc = RedfishBmc(self.path("bmc"), self.program, certificate=(self.certificate, key))
        self.addCleanup(self.bmc.stop)
        self.bmc.ssh_port = self.consoles.port
        self.consoles.add("admin", self.bmc.machine)
        os.makedirs(self.path("files"))
        handler = functools.partial(QuietFiles, directory=self.path("files"))
        self.files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(self.files.server_close)
        self.addCleanup(self.files.shutdown)
        threading.Thread(target=self.files.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.files.server_address[1]}"
        self.seen_base = f"http://{self.host}:{self.files.server_address[1]}"
        self.bmc.pxe_script = f"{self.seen_base}/boot.ipxe"

    def script(self, cmdline):
        lines = [f"set base-url {self.seen_base}", f"initrd ${{base-url}}/initrd.img"]
        lines += [f"kernel ${{base-url}}/kernel {cmdline} initrd=initrd.img", "boot"]
        self.write("files/boot.ipxe", "\n".join(["#!ipxe", "dhcp", *lines, ""]))

    def arguments(self, *more):
        return ["run", "redfish", "--bmc", self.bmc.url, "--user", "admin", "--ca-file", self.certificate,
                *self.consoles.ssh_options(), *more]

    def run_redfish(self, *more, password=PASSWORD):
        return self.kiln.run(*self.arguments(*more), env={"KILN_BMC_PASSWORD": password}, timeout=90)

    def start_redfish(self, *more):
        environment = self.kiln.environment(KILN_BMC_PASSWORD=PASSWORD)
        console = Console(self.kiln.command(*self.arguments(*more)), name="kiln run redfish", env=environment, cwd=self.work)
        self.addCleanup(console.kill)
        return console


class Quick(Redfish):
    def setUp(self):
        super().setUp()
        self.write("files/kernel", QUICK_KERNEL)
        self.write("files/initrd.img", bytes(5000))
        self.write("files/ipxe.efi", b"MZ and so on")
        self.write("files/os.iso", b"an ISO")
        self.script("quiet")
        for name, content in (("web-kernel", QUICK_KERNEL), ("web-initrd.img", bytes(5000)), ("web-cmdline", b"quiet")):
            self.write(name, content)

    def test_life(self):
        """a session, a one-time override, power, the console by ssh, and the session's end"""
        console = self.start_redfish("--boot-url", self.base + "/ipxe.efi", "web")
        console.wait_for(r"^login:", 60)
        self.assertTrue(self.bmc.machine.boots[0].startswith("file:"), self.bmc.machine.boots)
        self.assertEqual(self.bmc.override["Enabled"], "Disabled")
        self.assertEqual(len(self.bmc.sessions), 1)
        self.checked("switched on; it fetched the program over HTTP; the override was for one boot")
        console.type("hello\r")
        console.wait_for("hello", 20)
        console.type("~.")
        self.assertEqual(console.ended(30), 0, console.text)
        self.assertEqual(self.bmc.sessions, {})
        self.assertTrue(self.bmc.machine.is_on())
        self.assertNotIn(PASSWORD, console.text)
        self.checked("~. left the console; the session is over; the machine runs on; the password was shown nowhere")
        again = self.start_redfish("--pxe", "--auth", "basic")
        again.wait_for(r"^login:", 60)
        again.type("poweroff\r")
        self.assertEqual(again.ended(60), 0, again.text)
        self.assertIn("restarting 437XR1138R2 (3500)", again.text)
        self.assertEqual((len(self.bmc.machine.boots), self.bmc.had_sessions), (2, 1))
        self.checked("a running machine is restarted, here with Basic authentication; it ends when it is off")

    def test_cd(self):
        """a virtual CD in place of another, ejected at the end; an interrupted run ends its session"""
        self.bmc.image = "http://elsewhere/old.iso"
        console = self.start_redfish("--iso", self.base + "/os.iso")
        console.wait_for(r"ejecting http://elsewhere/old.iso", 30)
        console.wait_for(r"console by ssh", 30)
        self.assertEqual(self.bmc.image, self.base + "/os.iso")
        self.assertEqual(console.terminate(), 143, console.text)
        self.assertEqual((self.bmc.image, self.bmc.sessions), (None, {}))
        self.checked("inserted, booted, ejected")

    def test_progress(self):
        """without a console the boot's progress is told"""
        result = self.succeeds(self.run_redfish("--pxe", "--console", "none"))
        self.assertRegex(result.stderr, r"boot: OSRunning\n\Z")
        self.checked("until OSRunning")

    def test_refusals(self):
        """what is wrong is said before the machine is touched"""
        pxe = ["--pxe"]
        self.bmc.instruction_set = "x86-64"
        self.fails_with(
            self.run_redfish(*pxe, "web"),
            "error: 'web' is for arm64, and system 437XR1138R2 is a machine of amd64\n"
            "hint: build it for the machine: kiln build --arch amd64\n",
        )
        self.bmc.instruction_set = "ARM-A64"
        with open(self.path("web-initrd.img"), "wb") as stream:
            stream.truncate(600 << 20)
        self.fails_with(
            self.run_redfish(*pxe, "web"),
            "error: the initramfs of 'web' is 629 MB, and system 437XR1138R2 has 537 MB of memory, of which the kernel needs "
            "67.1 MB itself\nhint: leave out what it does not need, or take a machine with more memory\n",
        )
        self.bmc.targets = ["None", "Pxe", "Hdd"]
        self.fails_with(
            self.run_redfish("--boot-url", self.base + "/ipxe.efi"),
            "error: system 437XR1138R2 (3500) cannot be told to boot from UefiHttp: it can from None, Pxe, Hdd\n"
            "hint: let it boot by PXE (--pxe, with 'kiln serve --pxe' on its network) or from a virtual CD (--iso)\n",
        )
        self.fails_with(
            self.run_redfish("--boot-url", self.base + "/none.efi"),
            f"error: --boot-url '{self.base}/none.efi': the server answers 404\n"
            "hint: the machine would not find it either; is the address right, and the file there?\n",
        )
        self.fails_with(
            self.run_redfish(*pxe, password="wrong"),
            "error: logging in as 'admin': the BMC answers 401: The user name or password is not right.\n"
            "hint: user or password are not right: --user, and KILN_BMC_PASSWORD or --password-file\n",
        )
        self.bmc.other_systems = [ROOT + "/Systems/2"]
        self.fails_with(
            self.run_redfish(*pxe),
            "error: the BMC has several systems: 437XR1138R2 (3500), 2\nhint: choose one: --system ID\n",
        )
        self.assertEqual((self.bmc.machine.boots, self.bmc.sessions), ([], {}))
        self.checked("architecture, memory, boot source, missing file, password, several systems; no session was left behind")

    def test_certificate(self):
        """a certificate nobody vouches for"""
        arguments = ["run", "redfish", "--bmc", self.bmc.url, "--user", "admin", "--pxe"]
        result = self.kiln.run(*arguments, env={"KILN_BMC_PASSWORD": PASSWORD})
        self.assertRegex(result.stderr, r"\Aerror: the BMC: '127.0.0.1:\d+': .*certificate.*\nhint: give the certificate authority")
        self.assertEqual(self.bmc.requests, [])
        self.succeeds(self.kiln.run(*arguments, "--insecure", "--console", "none", env={"KILN_BMC_PASSWORD": PASSWORD}))
        self.checked("refused; accepted with --insecure")


class Boot(Redfish):
    host = "10.0.2.2"  # QEMU's user network

    def setUp(self):
        if missing := bare_metal.missing_for_qemu():
            self.skipTest(missing)
        self.program = bare_metal.qemu(ipxe_program())
        super().setUp()
        build_system(self)
        for ours, theirs in (("os-kernel", "kernel"), ("os-initrd.img", "initrd.img")):
            shutil.copy(os.path.join(self.kiln.out, ours), self.path("files", theirs))
        shutil.copy(ipxe_program(), self.path("files/ipxe.efi"))
        self.script("console=ttyAMA0,115200")

    def test_boot(self):
        """HTTP boot of iPXE, its script, the operating system on the console, and its end"""
        console = self.start_redfish("--boot-url", self.base + "/ipxe.efi", os.path.join(self.kiln.out, "os"))
        console.wait_for(r"^kiln: up in", 400)
        self.checked("kiln: up on the console by ssh")
        console.wait_for(r":~# ", 60)  # what is typed before is lost
        console.type("poweroff\r")
        self.assertEqual(console.ended(120), 0)
        self.assertEqual(self.bmc.sessions, {})
        self.checked("poweroff ended it")


if __name__ == "__main__":
    boots_here("Boot", fill_store, build_ipxe)
    netlab.enter()
    case.main()
