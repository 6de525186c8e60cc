#!/usr/bin/env python3
"""How a guest ends is the exit status of `kiln run`: a panic, a reboot, the plug."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from boot_test import shared_store
from kiln_test import case
from kiln_test.machine import Machine

KERNEL = {"image": "@kiln:kernel-cloud", "cmdline": "console=ttyS0"}


class Endings(case.Case):
    def boot(self, configuration, *options):
        self.kiln.store = shared_store()
        self.succeeds(self.kiln.build(self.write_system({"kernel": KERNEL, **configuration}), timeout=1500))
        machine = Machine(self.kiln, "--state", self.path("state"), *options, os.path.join(self.kiln.out, "os"))
        self.addCleanup(machine.kill)
        return machine

    def test_panic(self):
        """a kernel without an init panics"""
        machine = self.boot({})
        self.assertEqual(machine.ended(120), 3)
        self.assertIn("Kernel panic", machine.text)
        self.checked("status 3")

    def test_reboot(self):
        """a guest that reboots, with --no-reboot"""
        reboot = {"name": "reboot", "image": "@kiln:poweroff", "command": ["/sbin/reboot", "-f"]}
        machine = self.boot({"init": ["@kiln:init", "@kiln:crun"], "onboot": [reboot]}, "--no-reboot")
        self.assertEqual(machine.ended(120), 4, machine.text[-2000:])
        self.checked("status 4")

    def test_asked_to_end(self):
        """SIGTERM to kiln run asks the guest to power off, which it does in good order"""
        machine = self.boot({"init": ["@kiln:init", "@kiln:crun"]})
        machine.wait_for(r"^kiln: up in", 120)
        machine.wait_for(r"Power Button", 60)
        machine.process.send_signal(signal.SIGTERM)
        status = machine.ended(120)
        self.assertRegex(machine.text, r"(?m)^kiln: poweroff asked for by ")
        self.assertRegex(machine.text, r"(?m)^kiln: poweroff$")
        self.assertEqual(status, 0)
        self.checked("status 0, after the guest's own shutdown")


if __name__ == "__main__":
    case.main()
