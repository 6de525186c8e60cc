"""One ARM64 machine whose firmware loads iPXE by TFTP from QEMU's own network, and does what a script says."""

import os
import tarfile
import time

from kiln_test import case
from kiln_test.machine import Console

SYSTEM = {
    "kernel": {"image": "@kiln:kernel-cloud"},
    "init": ["@kiln:init", "@kiln:crun"],
    "services": [{"name": "getty", "image": "@kiln:getty", "env": ["INSECURE=true"]}],
    "files": [{"path": "etc/hostname", "contents": "netbooted"}],
}
# An emulated machine takes 15 s where nothing else runs; other machines, and busy ones, are slower.
BOOT = int(os.environ.get("BOOT", 300))

FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
HOST = "10.0.2.2"  # this host, as QEMU's network shows it to the machine


def program(test):
    """iPXE for ARM64 out of the package that ships with Kiln; its path."""
    system = test.write("ipxe.yml", 'init: ["@kiln:ipxe"]\n')
    archive = test.path("ipxe.tar")
    test.succeeds(test.kiln.run("build", "--arch", "arm64", "-o", archive, system, timeout=600))
    with tarfile.open(archive) as tar:
        content = tar.extractfile("usr/lib/ipxe/ipxe-arm64.efi").read()
    return test.write("ipxe-arm64.efi", content)


def start(test, efi, script, mebibytes=512):
    """Switches the machine on. The firmware gets the program and that the script, since QEMU's network answers iPXE as it
    did the firmware: only an autoexec.ipxe beside the program keeps it from loading itself again."""
    directory = test.path("tftp")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "autoexec.ipxe"), "w", encoding="utf-8") as stream:
        stream.write(script)
    target = os.path.join(directory, "ipxe-arm64.efi")
    if not os.path.exists(target):
        os.link(efi, target)
    command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-m", str(mebibytes), "-nodefaults", "-display", "none"]
    command += ["-serial", "stdio", "-monitor", "none", "-bios", FIRMWARE, "-boot", "menu=on,splash-time=0", "-no-reboot"]
    command += ["-netdev", f"user,id=net0,tftp={directory},bootfile=ipxe-arm64.efi"]
    command += ["-device", "virtio-net-pci,netdev=net0,romfile=", "-device", "virtio-rng-pci"]
    # What is not there is tried for minutes.
    for option in ("IPv6Support", "IPv6PXESupport"):
        command += ["-fw_cfg", f"name=opt/org.tianocore/{option},string=n"]
    console = Console(command, name="the machine")
    test.addCleanup(console.kill)
    return console


class Booting(case.Case):
    """Tests of a small system, self.system, that a machine boots by way of iPXE."""

    def setUp(self):
        super().setUp()
        self.needs("qemu-system-aarch64")
        if not os.path.exists(FIRMWARE):
            self.skipTest(f"there is no {FIRMWARE}")
        self.kiln.store = os.path.join(case.WORK, "boot-store")  # that of all boots
        self.system = self.write_system(SYSTEM)
        self.efi = program(self)

    def boots(self, script):
        """The machine, up, with a shell that answers."""
        machine = start(self, self.efi, script)
        try:
            machine.wait_for(r"^kiln: up in", BOOT)
        except BaseException:
            self.write("console", machine.text)
            raise
        print(f"  up {time.monotonic() - machine.began:.0f} s after power on (on this machine, while it does other things)")
        after = machine.wait_for(r"netbooted:~# ", 120).end()
        machine.type("echo on $(hostname), $(uname -m)\n")
        machine.wait_for(r"^on netbooted, aarch64$", 120, after)
        self.assertNotIn("rootfs image is not initramfs", machine.text)
        self.assertNotRegex(machine.text, "Initramfs unpacking failed")
        machine.kill()
        return machine
