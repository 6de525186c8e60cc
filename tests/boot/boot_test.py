#!/usr/bin/env python3
"""One boot of the example system: everything that only a running machine can show, in one go.

usage: boot_test.py packages ARCH   builds the packages into a store that all boots share
       boot_test.py boot ARCH       builds the system from it and boots it
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln
from kiln_test.machine import Machine
from kiln_test.registry import free_port

MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}
OVERLAY = os.path.join(kiln.SOURCE, "tests/boot/overlay.yml")

# What no line of a healthy console matches …
TROUBLE = re.compile(
    r"panic|\boops\b|\bBUG\b|call trace|\bwarning\b|\berror\b|\bfail(ed|ure|s)?\b|denied|unable|cannot|not found|no such"
    r"|segfault|out of memory|oom-|timed out|refused|lost|corrupt|not permitted|unpack",
    re.IGNORECASE,
)
# … but for these, each with its reason.
BENIGN = [
    (r"ommand line: .*panic=-1", "the kernel is told to end at once when it panics"),
    (r"Trying to unpack rootfs image as initramfs\.\.\.$", "that it begins to, not that it could not"),
    (r"onboot 003-fails: exit 3", "the container that fails on purpose"),
    (r"^fails: on purpose$", "the same"),
    (r"kiln: up in .*\(1 failed\)", "the same, counted"),
    (r'PCI: Using host bridge windows from ACPI; if necessary, use "pci=nocrs" and report a bug$', "advice for other machines"),
    (r"tsc: Fast TSC calibration failed|tsc: Unable to calibrate against PIT", "emulation is too irregular; the kernel goes on with HPET"),
    (r"rcu_sched kthread|RAS: Correctable Errors collector initialized", "a facility that is called so"),
    (r"ACPI: .*\bError Record Serialization", "the name of an ACPI table"),
    (r"amd_pstate: the _CPC object is not present", "QEMU's processor has no frequencies to scale"),
    (r"cacheinfo: Unable to detect cache hierarchy for CPU 0", "QEMU's arm64 machine describes no caches"),
    (r"efi: UEFI not found\.$", "QEMU starts the kernel directly, without firmware"),
    (r"ima: No TPM chip found", "there is none"),
    (r"KASLR disabled due to lack of seed", "QEMU's machine gives the kernel no seed without firmware"),
    (r"\[Firmware Bug\]", "QEMU's tables"),
    (r"SError|PCIe Bus Error severity", "names of facilities"),
]


def shared_store():
    """The store of all boots; its packages are built by one test and used by the other."""
    return os.path.join(case.WORK, "boot-store")


class System(case.Case):
    def build(self):
        os.makedirs(self.path("home/.ssh"), mode=0o700)
        self.key = self.path("home/.ssh/id_ed25519")
        # The example takes ~/.ssh/id_ed25519.pub into the machine's authorized_keys.
        self.tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", self.key)
        self.kiln.store = shared_store()
        example = os.path.join(kiln.SOURCE, "examples", self.arch + ".yml")
        return self.kiln.build(example, OVERLAY, arch=self.arch, timeout=1500)

    def setUp(self):
        super().setUp()
        self.arch = ARCH


class Packages(System):
    def test_packages(self):
        """the packages of the example are built from Debian's for the architecture"""
        began = time.monotonic()
        result = self.succeeds(self.build())
        print("".join(f"  {line}\n" for line in result.stdout.splitlines()), end="")
        self.checked(f"built examples/{self.arch}.yml and its packages in {time.monotonic() - began:.0f} s")
        self.assertEqual(sorted(os.listdir(self.kiln.out)), ["os-cmdline", "os-initrd.img", "os-kernel"])
        again = self.succeeds(self.build_offline())
        self.assertNotIn("fetch", again.stderr)
        self.checked("a second build, in a network namespace of its own, fetches nothing")
        # Of no system, but the boots over the network need it.
        self.succeeds(self.kiln.run("pkg", "build", "--platforms", "linux/" + self.arch, "@kiln:ipxe", timeout=600))
        self.checked("iPXE")

    def build_offline(self):
        prefix = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--net"]
        example = os.path.join(kiln.SOURCE, "examples", self.arch + ".yml")
        return self.kiln.build(example, OVERLAY, arch=self.arch, prefix=prefix)


class Boot(System):
    def test_boot(self):
        """boot, onboot, DHCP, web server, SSH, supervision, shutdown"""
        self.succeeds(self.build())
        self.web, self.secure = free_port(), free_port()
        ports = ["--publish", f"{self.web}:80", "--publish", f"{self.secure}:22"]
        self.machine = Machine(self.kiln, "--state", self.path("state"), *ports, os.path.join(self.kiln.out, "os"))
        self.addCleanup(self.machine.kill)
        try:
            self.look()
        except BaseException:
            self.write("console", self.machine.text)
            raise

    def look(self):
        self.onboot()
        self.web_page()
        self.inside()
        self.killed_service()
        self.poweroff()
        self.no_trouble()

    def onboot(self):
        up = self.machine.wait_for(r"^kiln: up in ([\d.]+)s: (\d+) onboot \((\d+) failed\), (\d+) services, used (\d+) MiB$", 240)
        print(f"  {up[0]} (on this machine, while it does other things)")
        self.assertEqual((up[2], up[3], up[4]), ("5", "1", "4"))
        told = re.findall(r"^onboot (\S+): (.*?)(?: \([\d.]+s\))?$", self.machine.text, re.MULTILINE)
        self.assertEqual(
            told, [("000-sysctl", "ok"), ("001-dhcpcd", "ok"), ("002-first", "ok"), ("003-fails", "exit 3"), ("004-after", "ok")]
        )
        before = [self.machine.text.index(line) for line in ("first: running", "fails: on purpose", "after: the boot goes on")]
        self.assertEqual(before, sorted(before))
        self.checked("onboot ran in order; the one that exits 3 was reported as that, and the boot went on")
        self.machine.wait_for(r"leased 10\.0\.2\.15", 1)
        self.checked("dhcpcd leased 10.0.2.15")

    def web_page(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/", timeout=10) as reply:
                    page = reply.read().decode()
                break
            except (OSError, urllib.error.URLError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        self.assertIn("Welcome to nginx!", page)
        self.checked("nginx's page comes through the published port")

    def ssh(self, command, check=True, timeout=60):
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]
        full = ["ssh", "-F", "none", "-i", self.key, *options, "-p", str(self.secure), "root@127.0.0.1", command]
        result = subprocess.run(full, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
        if check:
            self.assertEqual(result.returncode, 0, f"{command}: {result.stderr.decode()}")
        return result.stdout.decode()

    def wait_for_ssh(self):
        """The first start makes host keys, which takes a while when a processor is emulated."""
        deadline = time.monotonic() + 120
        while True:
            try:
                return self.ssh("uname -m")
            except (AssertionError, subprocess.TimeoutExpired):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def inside(self):
        self.assertEqual(self.wait_for_ssh().strip(), MACHINE[self.arch])
        self.checked("SSH login with the key from `files:`; uname -m is " + MACHINE[self.arch])
        without = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        without += ["-o", "IdentityFile=/dev/null", "-o", "IdentityAgent=none", "-p", str(self.secure), "root@127.0.0.1", "true"]
        self.assertEqual(subprocess.run(without, capture_output=True, timeout=60).returncode, 255)
        self.checked("and none without it")
        self.assertEqual(self.ssh("hostname").strip(), "kiln")
        self.assertIn("inet 10.0.2.15/24", self.ssh("ip addr show eth0"))
        self.assertIn("nameserver 10.0.2.3", self.ssh("cat /etc/resolv.conf"))
        self.checked("host name, address and name server")
        states = self.service_states()
        self.assertEqual({name: state for (section, name), (state, _) in states.items() if section == "service"},
                         {"getty": "running", "nginx": "running", "sshd": "running", "twin": "running"})  # fmt: skip
        self.assertEqual(states["onboot", "003-fails"], ("exited", 3))
        self.assertEqual(states["onboot", "004-after"], ("exited", 0))
        self.checked("service ls shows four running services and how onboot ended")
        boot = json.loads(self.ssh("cat /run/kiln/boot.json"))
        self.assertEqual(boot["runtimeCopies"], 9)
        self.checked("five onboot containers and four services were started by copies of one linked crun")
        self.assertIn("twin: up", self.ssh("service logs twin"))
        self.checked("service logs has what a service printed")
        self.machine.type("\necho typed on $(uname -m)\n")
        self.machine.wait_for(f"^typed on {MACHINE[self.arch]}$", 30)
        self.checked("the console has a shell that answers")

    def service_states(self):
        listed = json.loads(self.ssh("service ls --json"))["containers"]
        table = self.ssh("service ls")
        for row in listed:
            self.assertRegex(table, rf"(?m)^{row['section']} +{row['name']} +{row['state']} ")
        return {(row["section"], row["name"]): (row["state"], row.get("signal", row.get("exitStatus"))) for row in listed}

    def killed_service(self):
        # The master is the one with the lowest number; its workers go with it, as it is the first process of its namespace.
        self.ssh("kill -9 $(pidof nginx | tr ' ' '\\n' | sort -n | head -n 1)")
        deadline = time.monotonic() + 20
        while (state := self.service_states()["service", "nginx"]) != ("exited", "SIGKILL"):
            self.assertLess(time.monotonic(), deadline, f"service ls says nginx is {state}")
            time.sleep(0.5)
        self.machine.wait_for(r"^.*service nginx: killed by SIGKILL$", 5)
        self.assertEqual(self.service_states()["service", "twin"][0], "running")
        self.checked("nginx was killed from inside: service ls and the console say so, the others go on")

    def poweroff(self):
        self.ssh("poweroff", check=False)
        status = self.machine.ended(120)
        self.assertRegex(self.machine.text, r"(?m)^so long and thanks for all the fish$")
        self.assertRegex(self.machine.text, r"(?m)^onshutdown 000-farewell: ok")
        end = self.machine.text[self.machine.text.index("so long and thanks") :]
        self.assertRegex(end, r"(?m)^kiln: poweroff$")
        self.assertEqual(status, 0, self.machine.text[-2000:])
        self.checked("poweroff over SSH: onshutdown's words on the console, and kiln run ends with 0")

    def no_trouble(self):
        benign = [re.compile(pattern) for pattern, _ in BENIGN]
        trouble = [line for line in self.machine.lines() if TROUBLE.search(line) and not any(one.search(line) for one in benign)]
        self.assertEqual(trouble, [], "lines of trouble on the console")
        self.checked(f"none of the {len(self.machine.lines())} lines of the console speaks of trouble")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("packages", "boot") or sys.argv[2] not in MACHINE:
        sys.exit(__doc__)
    ARCH = sys.argv[2]
    wanted = {"packages": "Packages", "boot": "Boot"}[sys.argv[1]]
    sys.argv[1:] = [wanted]
    case.main()
