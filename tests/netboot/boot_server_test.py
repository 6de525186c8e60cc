#!/usr/bin/env python3
"""`kiln serve --pxe` as machines see it that only pretend to boot (kiln_test/pretence.py): what is offered to whom, scripts,
policies, rebuilds while it runs, refusals, and what it says when it cannot start."""

import hashlib
import json
import os
import re
import sys
import urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln, netclients, netlab, pretence, yaml
from kiln_test.netclients import ARM64, ARM64_HTTP, BIOS, X64
from kiln_test.registry import DockerRegistry

SERVER = "10.78.0.1"
URL = f"http://{SERVER}:8080"
FULL = ["--dhcp", "full", "--range", "10.78.0.100-10.78.0.199"]


class BootServer(netlab.Case):
    def setUp(self):
        super().setUp()
        self.server = self.network.host("server", SERVER + "/24")
        self.client = self.network.host("client", "10.78.0.9/24")
        self.store_images({**pretence.images("arm64"), **pretence.images("amd64")})
        os.makedirs(self.path("ipxe"))
        self.programs = pretence.write_programs(self.path("ipxe"))
        self.write_system(pretence.system("arm64"), "arm.yml")
        self.write_system(pretence.system("amd64"), "x86.yml")
        self.enterContext(self.client.inside())

    def serve(self, *options, sources=("arm.yml,arch=arm64,name=web", "x86.yml,arch=amd64,name=web")):
        command = self.kiln.command("serve", "--pxe", *sources, "--interface", "eth0", "--ipxe-dir", "ipxe", *options)
        self.log = self.start(self.server, *command, name="kiln serve", env=self.kiln.environment(), cwd=self.work)
        self.log.wait_for("status page: ", 60)
        self.udp = netclients.dhcp_socket()
        self.addCleanup(self.udp.close)

    def api(self, name):
        return json.loads(pretence.fetch(f"{URL}/api/{name}"))

    def state(self, machine):
        return next(one for one in self.api("machines")["machines"] if one["mac"] == machine.mac)

    def built(self, arch, name):
        """(digest of the kernel, of the initramfs) as kiln build makes them."""
        self.succeeds(self.kiln.build(self.path(name), arch=arch))
        files = self.kiln.outputs()
        return tuple(hashlib.sha256(files[one]).hexdigest() for one in ("os-kernel", "os-initrd.img"))

    def test_boots(self):
        """Machines of three kinds boot; every byte is that of kiln build"""
        self.serve(*FULL)
        for number, (architecture, arch, name) in enumerate([(ARM64, "arm64", "arm.yml"), (X64, "amd64", "x86.yml"), (BIOS, "amd64", "x86.yml")]):
            machine = pretence.Machine(number + 1, architecture, host=self.client)
            offer = machine.ask(self.udp)
            self.assertEqual((offer.boot_file, offer.server), (pretence.PROGRAMS[architecture], SERVER))
            self.assertEqual(machine.load_ipxe(offer), self.programs[offer.boot_file])
            script = machine.script(machine.ask(self.udp, ipxe=True).boot_file)
            self.assertGreater(len(script.initrds), 1, "segments are served one by one")
            self.assertEqual(machine.load(script), self.built(arch, name))
            joined = script.initrds[0].rsplit("/", 1)[0] + "/initrd.img"
            self.assertEqual(hashlib.sha256(pretence.fetch(joined)).hexdigest(), self.built(arch, name)[1])
            machine.report(script)
            state = self.state(machine)
            self.assertEqual((state["stage"], state["error"], state["report"], state["ip"]), ("booted", "", "running", machine.address))
            self.log.wait_for(f"{machine.mac}: has all of the initramfs: ", 5)
            self.assertEqual([one["stage"] for one in state["stages"] if one["reached_ago"] is None], [])
            self.checked(f"{state['firmware']}: {offer.boot_file}, then {len(script.initrds)} segments")
        leftovers = [name for name in os.listdir(self.work) if name.endswith(("-kernel", "-initrd.img"))]
        self.assertEqual(leftovers, [], "no joined initramfs is written")

    def test_offers(self):
        """UEFI HTTP boot gets a URL; who did not ask gets nothing; iPXE's own script by TFTP"""
        self.serve("--dhcp", "proxy")
        http = pretence.Machine(1, ARM64_HTTP)
        offer = http.ask(self.udp)
        self.assertEqual(offer.boot_file, f"{URL}/ipxe/ipxe-arm64.efi")
        self.assertEqual(pretence.fetch(offer.boot_file), self.programs["ipxe-arm64.efi"])
        plain = netclients.dhcp_packet(netclients.DISCOVER, "52:54:00:00:00:02", 7, [(55, b"\1\3\6")])
        self.assertEqual(netclients.dhcp_exchange(self.udp, {7: plain}, 3), {})
        self.assertNotIn("52:54:00:00:00:02", [one["mac"] for one in self.api("machines")["machines"]])
        self.checked("a plain DHCP client is left alone")
        script = netclients.tftp_get(SERVER, "autoexec.ipxe").decode()
        self.assertIn(f"chain --autofree --replace {URL}/boot.ipxe\n", script)

    def test_rebuild(self):
        """A changed YAML is served at the next script; who began with the old version gets the rest of it; a broken one changes nothing"""
        self.serve(*FULL)
        machine, other = pretence.Machine(1), pretence.Machine(2)
        old = machine.script(f"{URL}/boot.ipxe")
        first_of_old = pretence.fetch(old.initrds[0])
        before = self.built("arm64", "arm.yml")
        self.write_system(pretence.system("arm64", "two"), "arm.yml")
        new = other.script(f"{URL}/boot.ipxe")
        self.assertNotEqual(new.initrds, old.initrds)
        self.assertEqual(other.load(new), self.built("arm64", "arm.yml"))
        self.assertEqual(pretence.fetch(old.initrds[0]), first_of_old)
        self.assertEqual(machine.load(old), before)
        self.checked("both versions are there, whole")
        self.write("arm.yml", "kernel: {imgae: x}\n")
        again = other.script(f"{URL}/boot.ipxe")
        self.assertEqual(again.initrds, new.initrds)
        (system,) = [one for one in self.api("os")["systems"] if one["architecture"] == "arm64"]
        self.assertEqual(system["state"], "failed")
        self.assertIn("unknown key 'imgae' in 'kernel'; did you mean 'image'?", system["error"])
        self.log.wait_for("building 'web' failed, the last good version stays: arm.yml:1:10: unknown key 'imgae'", 10)
        self.write_system(pretence.system("arm64"), "arm.yml")
        self.assertEqual(machine.script(f"{URL}/boot.ipxe").initrds, old.initrds)
        self.checked("mended, it is the first version again")

    def test_registry(self):
        """What a registry has is served; when its tag moves, the new version is, and only what changed is fetched; without the registry it stays"""
        self.needs("docker-registry")
        with self.server.inside():
            registry = DockerRegistry(self.path("registry"))
        self.addCleanup(registry.stop)
        name = f"{registry.host}/team/web:1"
        elsewhere = kiln.Kiln(self.path("elsewhere"))
        self.store_images(pretence.images("arm64"), elsewhere.store)
        old = self.pushed(elsewhere, name)
        self.serve(*FULL, sources=(f"oci://{name},arch=arm64",))
        machine = pretence.Machine(1)
        script = machine.script(f"{URL}/boot.ipxe")
        self.assertEqual(machine.load(script), old)
        fetched = self.blobs_fetched(registry)
        self.assertGreater(len(fetched), 3)
        self.write_system(pretence.system("arm64", "two"), "arm.yml")
        new = self.pushed(elsewhere, name)
        self.assertNotEqual(new, old)
        self.log.wait_for("built 'web' in ", 30)
        self.assertEqual(machine.load(machine.script(f"{URL}/boot.ipxe")), new)
        more = self.blobs_fetched(registry) - fetched
        self.assertLess(len(more), len(fetched) - 1)
        self.checked(f"{len(fetched)} blobs at first, {len(more)} when the tag had moved")
        registry.stop()
        self.log.wait_for(f"looking for a newer oci://{re.escape(name)}: ", 30)
        self.assertEqual(machine.load(machine.script(f"{URL}/boot.ipxe")), new)
        self.checked("the registry is gone: what is there stays")

    def pushed(self, other, name):
        """Builds arm.yml with another Kiln and pushes it; the digests built() tells."""
        with self.server.inside():
            self.succeeds(other.run("push", "oci", name, self.path("arm.yml"), "--arch", "arm64"))
        return self.built("arm64", "arm.yml")

    @staticmethod
    def blobs_fetched(registry):
        return set(re.findall(r"GET /v2/team/web/blobs/(sha256:[0-9a-f]{64})", registry.log()))

    def test_policy(self):
        """A policy chooses system and parameters, and is read again; mistakes in it are told"""
        policy = {
            "machines": [
                {"name": "db-1", "match": {"serial": "C7*"}, "kernel-args": "rack=7"},
                {"match": {"mac": "52:54:00:00:00:02"}, "ignore": True},
            ]
        }
        self.write("policy.yml", yaml.dump(policy))
        self.serve(*FULL, "--policy", "policy.yml", "--kernel-arg", "debug")
        machine, ignored = pretence.Machine(1, serial="c7 1"), pretence.Machine(2)
        script = machine.script(f"{URL}/boot.ipxe")
        self.assertRegex(script.arguments, r" debug rack=7 kiln\.report=")
        self.assertEqual((self.state(machine)["name"], self.state(machine)["serial"]), ("db-1", "c7 1"))
        self.assertIsNone(ignored.ask(self.udp).boot_file or None)
        self.checked("an ignored machine gets an address and nothing to boot")
        self.write("policy.yml", "machines: []\ndefualt: {}\n")
        self.log.wait_for(r"the policy stays as it was: policy.yml:2:1: unknown key 'defualt' in policy; did you mean 'default'\?", 10)
        self.write("policy.yml", yaml.dump({"default": {"kernel-args": "all"}}))
        self.log.wait_for("read 'policy.yml' again", 10)
        self.assertRegex(machine.script(f"{URL}/boot.ipxe").arguments, r" debug all kiln\.report=")

    def test_refusals(self):
        """A wrong architecture and too little memory are refused before anything is loaded"""
        self.serve(*FULL, sources=("arm.yml,arch=arm64,name=web",))
        wrong, small = pretence.Machine(1, X64), pretence.Machine(2, memory=32)
        for machine, says in [
            (wrong, "this machine is amd64, and no system for that is served, only web (arm64); serve one as well, with --pxe SOURCE,arch=amd64"),
            (small, "system 'web': the machine has 32 MiB of memory, but this system needs "),
        ]:
            script = machine.script(f"{URL}/boot.ipxe")
            self.assertIsNone(script.kernel)
            self.assertTrue(script.text.endswith("exit 1\n"))
            state = self.state(machine)
            self.assertTrue(state["error"].startswith(says), state["error"])
            self.log.wait_for(re.escape(f"{machine.mac}: refused: {says}"), 5)
            self.checked(state["error"])

    def test_diagnosis(self):
        """The log says why a machine did not boot"""
        self.serve(*FULL)
        lost, stuck = pretence.Machine(1), pretence.Machine(2)
        lost.ask(self.udp)
        self.assertRaises(AssertionError, netclients.tftp_get, SERVER, "pxelinux.0")
        self.log.wait_for(r"asked for 'pxelinux.0' by TFTP: no such file", 5)
        stuck.script(f"{URL}/boot.ipxe")
        self.log.wait_for(r"52:54:00:00:00:01: asked 2 times and was offered ipxe-arm64.efi, but loads nothing for 2\d\.\d s now", 45)
        self.log.wait_for(r"52:54:00:00:00:02: fetched its script, but no kernel for 2\d\.\d s", 30)
        self.assertIn("fetched its script", self.state(stuck)["diagnosis"])
        stuck.report(stuck.script(f"{URL}/boot.ipxe"), "failed", failed=True, message="onboot dhcpcd: exit status 1")
        self.assertEqual(self.state(stuck)["error"], "failed: onboot dhcpcd: exit status 1")

    def test_mistakes(self):
        """What it says when it cannot start"""
        self.write("vmlinux-kernel", b"\x7fELF" + bytes(14) + b"\xb7\0" + bytes(100))
        self.write("vmlinux-initrd.img", b"x")
        self.write("bad.yml", "machines: {}\n")
        common = ["--interface", "eth0", "--ipxe-dir", "ipxe"]
        good = ["--pxe", "arm.yml,arch=arm64"]
        for what, arguments, says in [
            ("no such interface", [*good, "--interface", "eth7"], r"network interface 'eth7' does not exist"),
            ("no such address", [*good, *common, "--address", "10.1.1.1"], r"no interface eth0 of this host has the address '10.1.1.1'\nhint: it has: eth0 \(10.78.0.1\)"),
            ("no range", [*good, *common, "--dhcp", "full"], r"--dhcp full gives out addresses: from which range\?\nhint: --range"),
            ("range elsewhere", [*good, *common, "--dhcp", "full", "--range", "10.9.0.1-10.9.0.9"], r"10\.9\.0\.1"),
            ("range with proxy", [*good, *common, "--range", "10.78.0.10-10.78.0.20"], r"--range is for --dhcp full"),
            ("kernel of a form", ["--pxe", "vmlinux", *common], r"kernel 'vmlinux-kernel' is an ELF image: iPXE does not start Linux in that form\nhint: take arch/arm64/boot/Image"),
            ("nothing built", ["--pxe", "nothing", *common], r"nothing to boot under 'nothing': missing 'nothing-kernel', 'nothing-initrd.img'"),
            ("two of a name", ["--pxe", "arm.yml,arch=arm64", "arm.yml,arch=arm64", *common], r"are both called 'arm' and for arm64\nhint: give one of them another name"),
            ("bad source", ["--pxe", "arm.yml,arc=arm64", *common], r"expected SOURCE\[,arch=ARCH\]\[,name=LABEL\], got 'arc=arm64'"),
            ("no iPXE", [*good, "--interface", "eth0", "--ipxe-dir", "."], r"no iPXE binaries in '\.'"),
            ("bad policy", [*good, *common, "--policy", "bad.yml"], r"bad.yml:1:11: 'machines' of policy: expected a list, got a mapping"),
        ]:
            console = self.start(self.server, *self.kiln.command("serve", *arguments), name=what, env=self.kiln.environment(), cwd=self.work)
            self.assertEqual(console.ended(30), 1, f"{what}: {console.text}")
            self.assertRegex(console.text, r"(?ms)^error: .*" + says, what)
            self.checked(f"{what}: {console.text[console.text.index('error: '):].splitlines()[0]}")
        self.serve("--dhcp", "off")
        taken = self.start(self.server, *self.kiln.command("serve", *good, *common, "--dhcp", "off"), name="second", env=self.kiln.environment(), cwd=self.work)
        self.assertEqual(taken.ended(30), 1)
        self.assertRegex(taken.text, r"8080")
        self.checked(f"port taken: {taken.text.splitlines()[0]}")

    def test_stranger_text(self):
        """What machines say of themselves is shown as text only; paths lead nowhere else"""
        self.serve("--dhcp", "off")
        evil = pretence.Machine(1, serial='<img src=x onerror="x()">\x1b[2J')
        evil.script(f"{URL}/boot.ipxe")
        self.assertEqual(self.state(evil)["serial"], '<img src=x onerror="x()">?[2J')
        self.assertNotIn("\x1b", self.log.text)
        self.assertRaises(urllib.error.HTTPError, pretence.fetch, f"{URL}/os/../../etc/passwd")
        self.assertRaises(urllib.error.HTTPError, pretence.fetch, f"{URL}/ipxe/..%2f..%2fetc%2fpasswd")


if __name__ == "__main__":
    netlab.enter()
    case.main()
