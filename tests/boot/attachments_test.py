#!/usr/bin/env python3
"""One boot of a machine with what `kiln run` attaches: metadata on a CD, and a directory of this host."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from boot_test import shared_store
from kiln_test import case
from kiln_test.machine import Machine


class Attachments(case.Case):
    def test_data_and_shares(self):
        """--data is what the metadata package finds; --virtiofs is read and written by the guest"""
        if not any(map(os.path.exists, ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"))):
            self.skipTest("virtiofsd is not installed")
        self.needs_root("run the virtiofsd of older QEMUs")
        self.kiln.store = shared_store()
        self.write("shared/hello", "from the host\n")
        share = {"destination": "/mnt", "type": "virtiofs", "source": "virtiofs0", "options": ["rw"]}
        command = ["/bin/sh", "-c", "cat /mnt/hello && echo from the guest > /mnt/answer"]
        configuration = {
            "kernel": {"image": "@kiln:kernel-cloud", "cmdline": "console=ttyS0"},
            "init": ["@kiln:init", "@kiln:crun"],
            "onboot": [
                {"name": "metadata", "image": "@kiln:metadata"},
                {"name": "share", "image": "@kiln:getty", "command": command, "mounts": [share]},
                {"name": "show", "image": "@kiln:getty", "command": ["/bin/sh", "-c", "cat /run/config/app/content"], "binds": ["/run/config:/run/config"]},
                {"name": "poweroff", "image": "@kiln:poweroff"},
            ],
        }
        self.succeeds(self.kiln.build(self.write_system(configuration), timeout=1500))
        words = ["--data", '{"app": {"entries": {"content": {"content": "told by a disc\\n"}}}}', "--virtiofs", self.path("shared")]
        machine = Machine(self.kiln, "--state", self.path("state"), *words, os.path.join(self.kiln.out, "os"))
        self.addCleanup(machine.kill)
        try:
            self.assertEqual(machine.ended(240), 0)
            self.assertRegex(machine.text, r"(?m)^metadata: from CDROM /dev/sr0$")
            self.assertIn("told by a disc\n", machine.text)
            self.checked("metadata from /dev/sr0")
            self.assertIn("from the host\n", machine.text)
            with open(self.path("shared/answer"), encoding="utf-8") as stream:
                self.assertEqual(stream.read(), "from the guest\n")
            self.checked("a file read and one written through virtiofs")
        except BaseException:
            self.write("console", machine.text)
            raise


if __name__ == "__main__":
    case.main()
