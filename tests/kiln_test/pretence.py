"""Machines that only pretend to boot: what firmware, iPXE and the booted system say to a boot server, step by step; and
systems that only look bootable. To be used where `with host.inside()` says that sockets are a host's."""

import hashlib
import json
import random
import re
import time
import urllib.parse
import urllib.request

from kiln_test import netclients
from kiln_test.image import Image
from kiln_test.layer import file
from kiln_test.netclients import ACK, ARM64, BIOS, DISCOVER, OFFER, REQUEST, X64

PROGRAMS = {ARM64: "ipxe-arm64.efi", X64: "snponly.efi", BIOS: "undionly.kpxe"}
BUILDARCH = {ARM64: "arm64", X64: "x86_64", BIOS: "x86_64"}


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def arm64_kernel(size=300_000, seed="kernel"):
    """A file that begins as a raw arm64 Image does (Documentation/arch/arm64/booting.rst §4)."""
    return b"MZ" + bytes(0x36) + b"ARM\x64" + noise(size, seed)


def x86_kernel(size=300_000, seed="kernel"):
    """A file that begins as a 64-bit bzImage does (Documentation/arch/x86/boot.rst)."""
    head = bytearray(0x300)
    head[0x1FE:0x200] = b"\x55\xaa"
    head[0x202:0x206] = b"HdrS"
    head[0x206:0x208] = (0x020F).to_bytes(2, "little")
    head[0x236:0x238] = b"\1\0"
    return bytes(head) + noise(size, seed)


def images(arch, kernel=None):
    """What system() is made of."""
    if kernel is None:
        kernel = arm64_kernel() if arch == "arm64" else x86_kernel()
    return {
        f"example.org/{arch}/kernel:1": Image([[file("kernel", kernel, 0o644)]], arch),
        f"example.org/{arch}/init:1": Image([[file("init", noise(100_000, "init"), 0o755)], [file("etc/issue", "hello\n")]], arch),
    }


def system(arch, hostname="one"):
    return {
        "kernel": {"image": f"example.org/{arch}/kernel:1", "cmdline": "quiet", "tar": "none"},
        "init": [f"example.org/{arch}/init:1"],
        "files": [{"path": "etc/hostname", "contents": hostname}],
    }


def write_programs(directory, size=150_000):
    """iPXE binaries of noise: {name: content}."""
    programs = {name: noise(size, name) for name in PROGRAMS.values()}
    for name, content in programs.items():
        with open(f"{directory}/{name}", "wb") as stream:
            stream.write(content)
    return programs


def fetch(url, data=None, timeout=60):
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"} if data else {})
    with urllib.request.urlopen(request, timeout=timeout) as reply:
        return reply.read()


class Script:
    """An iPXE script of the kinds that the server writes, understood as iPXE would."""

    def __init__(self, text):
        self.text = text
        self.settings, self.initrds, self.kernel, self.arguments, self.chain = {}, [], None, None, None
        self.said = []
        lines = text.splitlines()
        if not lines or lines[0] != "#!ipxe":
            raise AssertionError(f"not an iPXE script:\n{text}")
        for line in lines[1:]:
            self._line(line)

    def _line(self, line):
        words = line.split(" ")
        if words[0] == "set":
            self.settings[words[1]] = " ".join(words[2:])
        elif words[0] == "echo":
            self.said.append(" ".join(words[1:]))
        elif words[0] == "initrd":
            self.initrds.append(self._expand(words[-1]))
        elif words[0] == "kernel":
            self.kernel = self._expand(words[3])
            self.arguments = self._expand(" ".join(words[4:]))
        elif words[0] == "chain":
            self.chain = next(word for word in words if word.startswith("http://"))

    def _expand(self, text):
        return re.sub(r"\$\{([a-z-]+)\}", lambda match: self.settings[match[1]], text)


class Machine:
    """One machine, each of whose steps is a method; boot() goes all the way. With a host (netlab.Host), that gets the
    machine's address as well, and TFTP comes from it: the server knows machines by their addresses."""

    def __init__(self, number, architecture=ARM64, serial="", memory=2048, host=None):
        self.host = host
        self.mac = f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        self.uuid = bytes(12) + number.to_bytes(4, "big")
        self.architecture, self.serial, self.memory = architecture, serial, memory
        self.address = None

    def _exchange(self, udp, kind, options, timeout=10):
        xid = random.getrandbits(32)
        packet = netclients.dhcp_packet(kind, self.mac, xid, options)
        replies = netclients.dhcp_exchange(udp, {xid: packet}, timeout)
        return replies.get(xid)

    def ask(self, udp, ipxe=False):
        """DHCP to its end: the acknowledgement; nothing if nobody answers."""
        options = netclients.pxe_options(self.architecture, self.uuid, ipxe)
        offer = self._exchange(udp, DISCOVER, options)
        if offer is None or offer.kind != OFFER:
            return None
        if offer.address == "0.0.0.0":
            return offer  # from a proxy: the address is another's
        more = [(50, offer.yiaddr), (54, offer.options[54])]
        ack = self._exchange(udp, REQUEST, options + more)
        assert ack is not None and ack.kind == ACK
        if self.host and ack.address != self.address:
            self.host.run("ip", "address", "replace", f"{ack.address}/24", "dev", "eth0")
        self.address = ack.address
        return ack

    def load_ipxe(self, reply):
        source = self.address if self.host else None
        return netclients.tftp_get(reply.server, reply.boot_file, source=source)

    def script_url(self, first):
        """Where the first script sends it."""
        (url,) = re.findall(r"^chain --autofree (\S+) ", first, re.MULTILINE)
        values = {
            "mac:hexhyp": self.mac.replace(":", "-"),
            "uuid": "00000000-0000-0000-0000-" + self.uuid.hex()[-12:],
            "serial:uristring": urllib.parse.quote(self.serial),
            "arch": BUILDARCH[self.architecture],
            "platform": "pcbios" if self.architecture == BIOS else "efi",
            "ip": self.address or "",
            "memsize": str(self.memory),
        }
        return re.sub(r"\$\{([^}]+)\}", lambda match: values.get(match[1], ""), url)

    def script(self, url):
        """Its own script, once nothing has to be built first."""
        url = self.script_url(fetch(url).decode())
        while True:
            script = Script(fetch(url).decode())
            if script.chain is None:
                return script
            time.sleep(0.2)
            url = script.chain

    def load(self, script):
        """(digest of the kernel, digest of the initramfs as iPXE would join it)."""
        initramfs = hashlib.sha256()
        for url in script.initrds:
            initramfs.update(fetch(url))
        return hashlib.sha256(fetch(script.kernel)).hexdigest(), initramfs.hexdigest()

    def report(self, script, state="running", **more):
        (url,) = re.findall(r"kiln\.report=(\S+)", script.arguments)
        fetch(url, json.dumps({"state": state, "mac": self.mac, **more}).encode())

    def boot(self, udp, on_step=lambda step: None):
        """From its first packet to its call home; its script."""
        firmware = self.ask(udp)
        on_step("dhcp")
        self.load_ipxe(firmware)
        on_step("tftp")
        script = self.script(self.ask(udp, ipxe=True).boot_file)
        on_step("script")
        self.load(script)
        on_step("loaded")
        self.report(script)
        return script
