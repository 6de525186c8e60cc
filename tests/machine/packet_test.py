#!/usr/bin/env python3
"""`kiln run packet` against a double of the API (kiln_test/packet_api.py), console by a real sshd.

usage: packet_test.py Quick    machines that only fetch what they are to boot
       packet_test.py Boot     QEMU with UEFI and iPXE, up to the login of the operating system
"""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from kiln_test import bare_metal, case, netlab
from kiln_test.machine import Console
from kiln_test.packet_api import PacketApi
from kiln_test.registry import free_port
from systems import QUICK_KERNEL, build_ipxe, build_system, boots_here, fill_store, ipxe_program

TOKEN = "t0ken"


class Packet(case.Case):
    program = staticmethod(bare_metal.sketch)
    host = "127.0.0.1"  # this one, as the machines see it

    def setUp(self):
        super().setUp()
        self.needs("ssh", "ssh-keygen", "/usr/sbin/sshd")
        self.consoles = bare_metal.ConsoleHost(self.work, free_port())
        self.addCleanup(self.consoles.stop)
        self.api = PacketApi(self.path("devices"), self.program, TOKEN, consoles=self.consoles)
        self.addCleanup(self.api.stop)
        self.port = free_port()

    def arguments(self, *more, name="web"):
        base = f"http://{self.host}:{self.port}"
        options = ["--api-url", self.api.url, "--base-url", base, "--serve", f"127.0.0.1:{self.port}", "--project-id", "p-1"]
        return ["run", "packet", *options, "--sos-port", self.consoles.port, *self.consoles.ssh_options(), *more, name]

    def run_packet(self, *more, **how):
        return self.kiln.run(*self.arguments(*more), env={"METAL_API_TOKEN": TOKEN}, timeout=60, **how)

    def start_packet(self, *more, name="web"):
        environment = self.kiln.environment(METAL_API_TOKEN=TOKEN)
        console = Console(self.kiln.command(*self.arguments(*more, name=name)), name="kiln run packet", env=environment, cwd=self.work)
        self.addCleanup(console.kill)
        return console

    def device(self):
        (device,) = self.api.devices.values()
        return device


class Quick(Packet):
    def setUp(self):
        super().setUp()
        self.write("web-kernel", QUICK_KERNEL)
        self.write("web-initrd.img", b"\0" * 5000)
        self.write("web-cmdline", "quiet")

    def test_life(self):
        """from the API to the console, and what was made is deleted"""
        console = self.start_packet()
        console.wait_for(r"^kiln: up", 60)
        self.assertIn("initrd 5000 bytes", console.text)
        device = self.device()
        self.assertEqual(device["plan"], {"slug": "baremetal_2a"})
        self.assertTrue(device["always_pxe"])
        self.checked("the machine fetched script, kernel and initramfs from --serve, and its console came by ssh")
        console.type("hello\r")
        console.wait_for("hello", 20)
        console.type("\r~.")
        self.assertEqual(console.ended(30), 0, console.text)
        self.assertEqual(self.api.gone, [device["id"]])
        self.assertIn(f"deleted device {device['id']}", console.text)
        self.assertNotIn(TOKEN, console.text)
        self.checked("~. left it; the device is gone; the token was shown nowhere")

    def test_poweroff(self):
        """a machine that switches itself off ends it"""
        console = self.start_packet("--keep")
        console.wait_for(r"^login:", 60)
        console.type("poweroff\r")
        self.assertEqual(console.ended(60), 0, console.text)
        self.assertEqual(list(self.api.devices), [self.device()["id"]])
        self.assertIn(f"device stays: {self.device()['id']}", console.text)
        self.checked("status 0; the device stays with --keep")

    def test_interrupted(self):
        """SIGINT while it is provisioned, and SIGTERM on the console, delete the device"""
        self.api.provisioning_seconds = 30
        console = self.start_packet()
        console.wait_for("created device", 30)
        console.process.send_signal(signal.SIGINT)
        self.assertEqual((console.ended(20), len(self.api.gone)), (130, 1), console.text)
        self.api.provisioning_seconds = 1
        self.port = free_port()
        console = self.start_packet()
        console.wait_for(r"^login:", 60)
        self.assertEqual((console.terminate(), len(self.api.gone)), (143, 2), console.text)
        self.checked("both deleted it, with 128 + the signal as status")

    def test_reuse(self):
        """--device: the script is changed, the device rebooted and kept; without --always-pxe the script is not run again"""
        console = self.start_packet("--console=false", "--keep")
        console.wait_for(": active", 60)
        console.terminate()
        device = self.device()
        self.port = free_port()
        console = self.start_packet("--device", device["id"])
        console.wait_for(r"^login:", 60)
        console.type("~.")
        self.assertEqual(console.ended(20), 0)
        self.assertEqual(self.api.gone, [])
        self.assertIn(f":{self.port}/", device["ipxe_script_url"])
        self.port = free_port()
        console = self.start_packet("--device", device["id"], "--no-always-pxe")
        console.wait_for("no bootable device", 60)
        self.assertIn("press Ctrl-B while iPXE starts", console.text)
        self.checked("a second boot runs the script only with always_pxe")

    def test_refusals(self):
        """what is wrong is said before anything is made"""
        no_url = self.kiln.run("run", "packet", "web")
        self.fails_with(
            no_url,
            "error: there is no --api-url: the provider that ran this API, Packet (later Equinix Metal), shut down in 2026\n"
            "hint: give the address of a service that speaks it, or boot a server of your own: kiln run redfish\n",
        )
        self.fails_with(
            self.run_packet("--machine", "c3.small.x86"),
            "error: 'web' is for arm64, and plan 'c3.small.x86' is a machine of amd64\n"
            "hint: build it for the machine: kiln build --arch amd64\n",
        )
        unknown = self.run_packet("--machine", "baremetal_9a.arm", "--zone", "nowhere")
        self.assertEqual(
            unknown.stderr.splitlines()[-1],
            "error: creating a device of plan 'baremetal_9a.arm': the API answers 422: baremetal_9a.arm is not a valid plan; "
            "['nowhere'] is not a valid facility",
        )
        self.assertEqual(self.api.devices, {})
        missing = ["run", "packet", "--api-url", self.api.url, "--base-url", self.api.url, "--project-id", "p-1", "web"]
        self.fails_with(
            self.kiln.run(*missing, env={"METAL_API_TOKEN": TOKEN}),
            f"error: --base-url '{self.api.url}/web-equinixmetal.ipxe': the server answers 401\n"
            "hint: the machine would not find it either; is the address right, and the file there?\n",
        )
        self.checked("no address, wrong architecture, unknown plan and place, missing files")

    def test_variables(self):
        """METAL_FACILITY, METAL_MACHINE and METAL_HOSTNAME count, and flags count more"""
        self.api.fails = True
        variables = {"METAL_API_TOKEN": "", "PACKET_AUTH_TOKEN": TOKEN, "METAL_FACILITY": "ewr1", "METAL_MACHINE": "c3.large.arm64"}
        variables["METAL_HOSTNAME"] = "from-environment"
        result = self.kiln.run(*self.arguments("--machine", "baremetal_2a"), env=variables)
        self.assertRegex(result.stderr, r"error: device \S+ is failed instead of active")
        (body,) = [body for method, _, body in self.api.requests if method == "POST"]
        self.assertIn('"hostname":"from-environment","plan":"baremetal_2a","facility":["ewr1"]', body)
        self.assertEqual(len(self.api.gone), 1)
        self.checked("and a device that failed is deleted")


class Boot(Packet):
    host = "10.0.2.2"  # QEMU's user network

    def setUp(self):
        if missing := bare_metal.missing_for_qemu():
            self.skipTest(missing)
        self.program = lambda server, boot: bare_metal.qemu(ipxe_program())(server, boot)
        super().setUp()
        self.api.without_script = None
        build_system(self)

    def start_qemu(self, *more):
        return self.start_packet("--img-name", "web", *more, name=os.path.join(self.kiln.out, "os"))

    def test_boot(self):
        """UEFI, iPXE, the script, and the operating system's console by ssh"""
        console = self.start_qemu()
        console.wait_for(r"^kiln: up in", 400)
        console.wait_for(r":~# ", 60)  # what is typed before is lost
        console.type("poweroff\r")
        self.assertEqual(console.ended(120), 0)
        self.assertEqual(len(self.api.gone), 1)
        self.checked("kiln: up on the console; poweroff ended it; the device is deleted")

    def test_by_hand(self):
        """the script runs at the first boot only; Ctrl-B, dhcp and chain run it by hand"""
        # At a second boot the provider's firmware still starts iPXE, which finds nothing to do.
        self.api.without_script = f"http://{self.host}:{self.port}/nothing-here.ipxe"
        console = self.start_qemu("--no-always-pxe", "--keep")
        console.wait_for(r"^kiln: up in", 400)
        device = self.device()
        console.type("\r~.")
        self.assertEqual(console.ended(30), 0)
        self.port = free_port()
        after = self.start_qemu("--no-always-pxe", "--device", device["id"])
        after.wait_for(r"Press Ctrl-B", 200)
        after.type("\x02")
        after.wait_for(r"iPXE>", 60)
        after.type_slowly("dhcp\r")
        after.wait_for(r"ok\s*\n.*iPXE>", 60)
        after.type_slowly(f"chain {device['ipxe_script_url']}\r")
        after.wait_for(r"^kiln: up in", 400)
        self.checked("chain by hand brought the system up")


if __name__ == "__main__":
    boots_here("Boot", fill_store, build_ipxe)
    netlab.enter()
    case.main()
