#!/usr/bin/env python3
"""The systems of examples/.

usage: examples_test.py Quick            all of them are planned, from stand-ins for their packages
       examples_test.py Build ARCH       all of them are built, from their packages
       examples_test.py Boot ARCH        most of them are booted, several merged into one machine
"""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln, layer, samples
from kiln_test.image import Image, Index
from kiln_test.layer import file
from kiln_test.layout import Layout
from kiln_test.machine import Machine
from kiln_test.registry import free_port

EXAMPLES = os.path.join(kiln.SOURCE, "examples")
PACKAGES = os.path.join(kiln.SOURCE, "pkg")
ARCHITECTURES = ("amd64", "arm64")
# Images of others, which no recipe makes: here a stand-in takes their place in the store.
FOREIGN = ["gcr.io/cadvisor/cadvisor:v0.52.1"]


def examples():
    """name: the YAML files that are merged for it. One beside another with a dot in its name is merged after it."""
    names = sorted(name[:-4] for name in os.listdir(EXAMPLES) if name.endswith(".yml"))
    return {name: [os.path.join(EXAMPLES, f"{part}.yml") for part in ([name.split(".")[0], name] if "." in name else [name])]
            for name in names}  # fmt: skip


def text_of(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


class Quick(case.Case):
    def test_examples(self):
        """every example is without mistakes, names packages that exist, and says how to build it"""
        self.stand_ins()
        for name, files in examples().items():
            for arch in ARCHITECTURES:
                with self.subTest(example=name, arch=arch):
                    result = self.succeeds(self.kiln.build(*files, "-f", "tar", arch=arch, name=name))
                    self.assertNotIn("fetch", result.stderr)
                    os.unlink(self.path("out", name + ".tar"))
            with self.subTest(example=name):
                text = text_of(files[-1])
                self.assertTrue(text.startswith("# "), f"{files[-1]} begins with what it is")
                self.assertRegex(text, rf"(?m)^#   kiln build --arch (arm64|amd64) (--name \S+ )?examples/.*{re.escape(name)}\.yml$")
                self.assertNotIn("\t", text)
        self.checked(f"{len(examples())} examples for {' and '.join(ARCHITECTURES)}, none of which fetches anything")

    def stand_ins(self):
        names = sorted(os.listdir(PACKAGES))
        shown = self.succeeds(self.kiln.run("pkg", "show-tag", *("@kiln:" + name for name in names))).stdout.split()
        self.assertEqual(len(shown), len(names))
        content = {True: [file("kernel", samples.KERNEL), file("kernel.tar", layer.tar(samples.MODULES))], False: [file("bin/a", "a")]}
        images = {name: Index([Image([content[name.startswith("kiln/kernel")]], arch) for arch in ARCHITECTURES])
                  for name in [*shown, *FOREIGN]}  # fmt: skip
        self.store_images({name if "." in name.split("/")[0] else "docker.io/" + name: image for name, image in images.items()})


class FromPackages(case.Case):
    def setUp(self):
        super().setUp()
        self.kiln.store = os.path.join(case.WORK, "boot-store")
        self.arch = ARCH
        there = Layout(self.kiln.store).names()
        image = Index([Image([[file("bin/a", "a")]], arch) for arch in ARCHITECTURES])
        self.store_images({name: image for name in FOREIGN if name not in there}, store=self.kiln.store)


class Build(FromPackages):
    def test_build(self):
        """every example is built from its packages, which come from Debian once"""
        for name, files in examples().items():
            began = time.monotonic()
            with self.subTest(example=name):
                result = self.succeeds(self.kiln.build(*files, arch=ARCH, name=name, timeout=1800))
                self.assertEqual(sorted(os.listdir(self.kiln.out)), [f"{name}-cmdline", f"{name}-initrd.img", f"{name}-kernel"])
                size = os.path.getsize(self.path("out", f"{name}-initrd.img"))
                self.checked(f"{name}: initramfs of {size / 1e6:.1f} MB in {time.monotonic() - began:.0f} s")
            shutil.rmtree(self.kiln.out)
            os.makedirs(self.kiln.out)


class Boot(FromPackages):
    """Machines made of several examples. What is asked of them is typed into the shell on their console."""

    def merged(self, *names):
        """One system out of several: their containers in order, each of those that they all have once."""
        self.write("metadata.yml", "files:\n  - {path: example.json, metadata: json}\n")
        system = {"kernel": None, "init": [], "onboot": [], "onshutdown": [], "services": [], "volumes": [], "files": []}
        for name in names:
            part = self.configuration(name)
            system["kernel"] = system["kernel"] or part["kernel"]
            for key in ("init", "onboot", "onshutdown", "services", "volumes", "files"):
                for item in part.get(key) or []:
                    if not self.is_repeated(key, item, system[key]):
                        system[key].append(item)
        return {key: value for key, value in system.items() if value}

    def is_repeated(self, key, item, there):
        if key == "onboot":  # each example formats and mounts a disk of its own
            return item["name"] in ("sysctl", "sysfs", "dhcpcd") and item in there
        if key == "services":
            return item["name"] in [one["name"] for one in there]
        return item in there

    def configuration(self, name):
        archive = self.path("out", "part.tar")
        self.succeeds(self.kiln.build(*examples()[name], self.path("metadata.yml"), "-f", "tar", arch=ARCH, name="part", timeout=1800))
        with tarfile.open(archive) as tar:
            part = json.load(tar.extractfile("example.json"))
        os.unlink(archive)
        part["files"] = [item for item in part["files"] if item["path"] != "example.json"]
        return part

    def boot(self, *options):
        machine = Machine(self.kiln, "--state", self.path("state"), *options, os.path.join(self.kiln.out, "os"))
        self.machine = machine
        self.addCleanup(machine.kill)
        self.asked = 0
        up = machine.wait_for(r"^kiln: up in ([\d.]+)s: (\d+) onboot \((\d+) failed\), (\d+) services, used (\d+) MiB$", 400)
        self.assertEqual(up[3], "0", machine.tail())
        machine.wait_for(r":~# \Z", 120)
        return up

    def ask(self, command, timeout=120):
        """What the command prints, typed into the shell of the console."""
        self.asked += 1
        at = len(self.machine.text)
        # The marks are not in what is echoed.
        self.machine.type(f"echo begin-$((0+{self.asked})); {command}; echo end-$((0+{self.asked})).$?\n")
        found = self.machine.wait_for(rf"^begin-{self.asked}\n((?:.*\n)*?.*?)end-{self.asked}\.\d+$", timeout, at)
        return found[1]

    def until(self, what, command, pattern, timeout=120):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, answer := self.ask(command, timeout)):
            self.assertLess(time.monotonic(), deadline, f"{what}: no /{pattern}/ in {answer}")
            time.sleep(1)
        self.checked(what)
        return answer

    def all_run(self):
        rows = json.loads(self.ask("service ls --json"))["containers"]
        ended = {row["name"]: row["state"] for row in rows if row["section"] == "service" and row["state"] != "running"}
        self.assertEqual(ended, {}, "services that do not run any more")
        self.checked("all services still run")

    def off(self):
        self.machine.type("poweroff\n")
        self.assertEqual(self.machine.ended(180), 0, self.machine.tail())

    def looked_at(self, look):
        try:
            look()
        except BaseException:
            self.write("console", self.machine.text)
            raise

    # --- the first machine

    def test_disks(self):
        """docker, swap, logging, redis, node_exporter: what they keep on three disks is there at the next boot"""
        system = self.merged("docker", "swap", "logging", "redis", "node_exporter")
        self.succeeds(self.kiln.build(self.write_system(system), arch=ARCH, timeout=1800))
        self.redis, self.metrics = free_port(), free_port()
        self.options = ["--mem", "2G", "--publish", f"{self.redis}:6379", "--publish", f"{self.metrics}:9100"]
        for _ in range(3):
            self.options += ["--disk", "size=1G"]
        up = self.boot(*self.options)
        self.checked(f"{up[2]} onboot, {up[4]} services, {up[5]} MiB used, up in {up[1]} s")
        self.looked_at(self.first_boot)
        self.boot(*self.options)
        self.looked_at(self.second_boot)

    def first_boot(self):
        self.assertEqual(len(re.findall(r"^format: /dev/vd[abc] \(1024 MiB\): ext4 on ", self.machine.text, re.MULTILINE)), 3)
        mounts = self.ask("cat /proc/mounts")
        self.assertEqual(re.findall(r"/dev/(\S+) (\S+) ext4 rw", mounts),
                         [("vda1", "/var/lib/docker"), ("vdb1", "/var/external"), ("vdc1", "/var/log")])  # fmt: skip
        self.checked("three empty disks are formatted and mounted")
        self.assertRegex(self.ask("cat /proc/swaps"), r"/mapper/swapfile\s+partition\s+13106[0-9]\s")
        self.checked("the machine swaps to an encrypted file")
        self.answers_redis()
        self.has_metrics()
        self.until("a service's lines are in its log on the disk", "tail -n 2 /var/log/write-to-the-logs.out.log", r"hello \d")
        self.until("so are the kernel's", "grep -c 'EXT4-fs (vdc1)' /var/log/kmsg.log", r"^[1-9]")
        self.until("dockerd answers", "service exec docker docker version -f '{{.Server.Version}}'", r"^\d+\.", 400)
        self.docker_runs()
        self.all_run()
        self.off()

    def answers_redis(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.redis), 10) as connection:
                    connection.sendall(b"PING\r\n")
                    self.assertEqual(connection.recv(100), b"+PONG\r\n")
                break
            except (OSError, AssertionError):
                self.assertLess(time.monotonic(), deadline, "redis does not answer")
                time.sleep(1)
        self.checked("redis says PONG on a published port")

    def has_metrics(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=30) as reply:
                    page = reply.read().decode()
                break
            except OSError:
                self.assertLess(time.monotonic(), deadline, "node_exporter does not answer")
                time.sleep(1)
        for pattern in (r'^node_uname_info\{.*machine="(aarch64|x86_64)"', r'^node_filesystem_size_bytes\{device="/dev/vda1".*mountpoint="/var/lib/docker"',
                        r"^node_memory_SwapTotal_bytes 1\.34", r'^node_network_receive_bytes_total\{device="eth0"\}'):  # fmt: skip
            self.assertRegex(page, "(?m)" + pattern)
        self.checked("node_exporter knows the machine, its disks, swap and network")

    def docker_runs(self):
        self.ask("service exec docker sh -c 'tar -C / -c usr/bin/busybox | docker import - box'", 300)
        said = self.ask("service exec docker docker run --rm --cap-drop ALL box /usr/bin/busybox sh -c 'echo from $(/usr/bin/busybox hostname -i)'", 300)
        self.assertRegex(said, r"(?m)^from 172\.17\.0\.\d+$")
        self.checked("docker run: an image made in it runs in a container with an address of its own")

    def second_boot(self):
        self.assertNotRegex(self.machine.text, r"(?m)^format: /dev/vd")
        self.assertRegex(self.ask("cat /proc/swaps"), r"/mapper/swapfile")
        self.until("the image is there at the next boot", "service exec docker docker images -q box", r"^[0-9a-f]{12}", 400)
        lines = int(self.ask("grep -c 'hello [0-9]' /var/log/write-to-the-logs.out.log"))
        uptimes = self.ask("grep -o 'hello [0-9]*' /var/log/write-to-the-logs.out.log | cut -c 7- | tr '\\n' ' '").split()
        self.assertTrue(any(int(a) > int(b) for a, b in zip(uptimes, uptimes[1:])), uptimes)
        self.checked(f"the log on the disk goes on ({lines} lines, of two boots)")
        self.off()

    # --- the second machine

    def test_network(self):
        """static-ip, wireguard, tpm, dm-crypt-loop, hostmount-writeable-overlay, addbinds, platform-qemu"""
        names = ["static-ip", "wireguard", "dm-crypt-loop", "hostmount-writeable-overlay", "platform-qemu"]
        self.extra = []  # what QEMU is given beside what Kiln gives it
        self.add_agent_port()
        if shutil.which("swtpm"):
            names.insert(2, "tpm")
            self.add_tpm()
        else:
            print("  SKIPPED: the TPM, as swtpm is not installed")
        system = self.merged(*names)
        # The address is written down; without a DHCP client nobody asks for another.
        system["onboot"] = [one for one in system["onboot"] if one["name"] != "dhcpcd"]
        shell = next(one for one in system["services"] if one["name"] == "getty")
        of = {name: next(one for one in self.configuration(name)["services"] if one["name"] == "getty")
              for name in ("addbinds", "hostmount-writeable-overlay")}  # fmt: skip
        shell["binds.add"] = of["addbinds"]["binds.add"]
        shell["runtime"] = of["hostmount-writeable-overlay"]["runtime"]
        self.succeeds(self.kiln.build(self.write_system(system), arch=ARCH, timeout=1800))
        up = self.boot("--mem", "1G", "--disk", "size=1G", "--qemu", self.wrapper())
        self.checked(f"{up[2]} onboot, {up[4]} services, {up[5]} MiB used, up in {up[1]} s")
        self.looked_at(self.look_at_network)

    def add_agent_port(self):
        """A port of the machine that is a socket of ours, for the agent."""
        self.extra += ["-device", "virtio-serial-pci", "-chardev", f"socket,path={self.path('ga.sock')},server=on,wait=off,id=ga"]
        self.extra += ["-device", "virtserialport,chardev=ga,name=org.qemu.guest_agent.0"]

    def wrapper(self):
        program = shutil.which({"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}[ARCH])
        quoted = " ".join(f"'{word}'" for word in self.extra)
        # Kiln also starts it to see what it can do; that is no machine.
        path = self.write("qemu", f'#!/bin/sh\ncase " $* " in *" -kernel "*) set -- "$@" {quoted} ;; esac\nexec {program} "$@"\n')
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def add_tpm(self):
        os.makedirs(self.path("tpm"))
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.path('tpm')}", "--ctrl", f"type=unixio,path={self.path('tpm.sock')}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(lambda: process.poll() is None and os.killpg(process.pid, signal.SIGKILL))
        self.extra += ["-chardev", f"socket,id=tpm,path={self.path('tpm.sock')}", "-tpmdev", "emulator,id=tpm0,chardev=tpm"]
        self.extra += ["-device", {"amd64": "tpm-tis", "arm64": "tpm-tis-device"}[ARCH] + ",tpmdev=tpm0"]

    def look_at_network(self):
        self.assertIn("inet 10.0.2.50/24", self.ask("ip addr show eth0"))
        self.assertIn("default via 10.0.2.2 dev eth0", self.ask("ip route"))
        self.checked("static-ip: address and route as written down")
        self.assertIn("64 bytes from 192.168.77.1", self.ask("service exec inside ping -c 1 -W 20 192.168.77.1"))
        page = "exec 3<>/dev/tcp/192.168.77.1/80; printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3; cat <&3"
        self.assertIn("Welcome to nginx!", self.ask(f"service exec inside bash -c '{page}'"))
        self.assertRegex(self.ask("service exec inside wg show wg1 transfer"), r"\t[1-9]\d+\t[1-9]\d+")
        self.assertNotIn("wg", self.ask("ls /sys/class/net"))
        self.checked("wireguard: a page through the tunnel, from one namespace to the other")
        self.assertEqual(self.ask("cat /var/secure_storage/secrets"), "secret things\n")
        self.assertEqual(self.ask("grep -c 'secret things' /var/external/storage_file"), "0\n")
        self.checked("dm-crypt-loop: what is written is read, and is not to be found in the file")
        self.ask("echo mine > /writeable-host-etc/hostname")
        self.assertEqual(self.ask("cat /writeable-host-etc/hostname"), "mine\n")
        self.assertNotIn("mine", self.ask("cat /hostroot/etc/hostname"))
        self.checked("hostmount-writeable-overlay: /etc can be written to, by this shell alone")
        self.ask("mkdir -p /var/tmp; echo kept > /persistent/a")
        self.assertEqual(self.ask("cat /var/tmp/a"), "kept\n")
        self.checked("addbinds: the bind that was added, beside those of the image")
        if shutil.which("swtpm"):
            self.look_at_tpm()
        self.agent_answers()
        self.all_run()
        self.asked_off()

    def look_at_tpm(self):
        self.assertRegex(self.machine.text, r"(?m)^ *0 *: 0x[0-9A-F]{64}$")
        self.assertRegex(self.ask("service exec tss tpm2_getrandom --hex 8"), r"[0-9a-f]{16}")
        self.checked("tpm: the measurements on the console, random bytes from the TPM")

    def agent_command(self, command):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(self.path("ga.sock"))
            connection.sendall(json.dumps(command).encode() + b"\n")
            if command["execute"] == "guest-shutdown":
                return None
            return json.loads(connection.makefile().readline())

    def agent_answers(self):
        found = self.agent_command({"execute": "guest-network-get-interfaces"})["return"]
        addresses = [one["ip-address"] for row in found for one in row.get("ip-addresses", [])]
        self.assertIn("10.0.2.50", addresses)
        self.checked("platform-qemu: the host asks the agent for the machine's addresses")

    def asked_off(self):
        self.agent_command({"execute": "guest-shutdown", "arguments": {"mode": "powerdown"}})
        self.assertEqual(self.machine.ended(180), 0, self.machine.tail())
        self.assertRegex(self.machine.text, r"(?m)^so long and thanks for all the fish$")
        self.checked("and by it the machine is switched off in order")

    # --- the third machine

    def test_volumes(self):
        """volumes, platform-rt: a page that one service writes and another serves, under the real-time kernel"""
        system = self.merged("volumes", "platform-rt")
        system["kernel"] = self.configuration("platform-rt")["kernel"]
        self.succeeds(self.kiln.build(self.write_system(system), arch=ARCH, timeout=1800))
        self.web = free_port()
        up = self.boot("--publish", f"{self.web}:80")
        self.checked(f"{up[2]} onboot, {up[4]} services, {up[5]} MiB used, up in {up[1]} s")
        self.looked_at(self.look_at_volumes)

    def page(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/", timeout=30) as reply:
                    return reply.read().decode()
            except OSError:  # not there yet: nginx, or its page
                self.assertLess(time.monotonic(), deadline, "nginx does not answer")
                time.sleep(1)

    def look_at_volumes(self):
        self.assertIn("PREEMPT_RT", self.ask("uname -v"))
        self.checked("platform-rt: the kernel is the one with PREEMPT_RT")
        pages = {self.page()}
        deadline = time.monotonic() + 60
        while len(pages) < 2 and time.monotonic() < deadline:
            time.sleep(1)
            pages.add(self.page())
        self.assertEqual(len(pages), 2, pages)
        for page in pages:
            self.assertRegex(page, r"^[\d.]+ [\d.]+\n$")
        self.checked("volumes: nginx serves what the writer writes, again and again")
        self.assertEqual(self.ask("service exec writer sh -c 'head -n 1 /certificates/etc/ssl/certs/ca-certificates.crt'"), "-----BEGIN CERTIFICATE-----\n")
        self.assertIn("Read-only file system", self.ask("service exec writer sh -c 'echo no >/certificates/no'"))
        self.checked("volumes: the certificates of an image are there, and cannot be changed")
        self.assertEqual(self.ask("head -c 7 /hostroot/etc/kiln.yml"), "kernel:")
        self.all_run()
        self.off()


if __name__ == "__main__":
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind.split(".")[0] in ("Build", "Boot"):
        if len(sys.argv) < 3 or sys.argv[2] not in ARCHITECTURES:
            sys.exit(__doc__)
        ARCH = sys.argv.pop(2)
    if kind.split(".")[0] not in ("Quick", "Build", "Boot"):
        sys.exit(__doc__)
    case.main()
