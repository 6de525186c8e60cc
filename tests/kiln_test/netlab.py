"""A network of its own for a test: hosts, a bridge between them, and machines that boot from it.

The script that calls `enter()` starts itself again in network, mount and process namespaces of its own, where it is
process 1. So nothing needs to be named apart from what other tests have, and nothing to be removed: however the script
ends, killed included, the kernel ends every process in there, and with them go the namespaces and what is in them.
It needs root, or user namespaces for all.

The bridge is in the script's own namespace, with the taps of the machines. Each host is a namespace with one interface,
eth0, that is plugged into the bridge:

    machine --tap-- bridge --veth-- host "server" (10.77.0.1)
    machine --tap--/      \\--veth-- host "dhcp"   (10.77.0.2)
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys

from kiln_test import case
from kiln_test.machine import Console

_INSIDE = "KILN_NETLAB"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def enter():
    """Call first in the script's main part: returns in the namespaces. Where there can be none it ends the script as
    skipped."""
    if os.environ.get(_INSIDE) != "1":
        _start_again()
    del os.environ[_INSIDE]
    # Process 1 is not ended by signals it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs("/run/netns", exist_ok=True)
    _run("mount", "-t", "tmpfs", "netns", "/run/netns")
    _run("ip", "link", "set", "lo", "up")


def _start_again():
    for program in ("unshare", "ip"):
        if shutil.which(program) is None:
            _skip(f"{program} is not installed")
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command[1:1] = ["--user", "--map-root-user"]
    trial = "mkdir -p /run/netns && mount -t tmpfs netns /run/netns && ip tuntap add tap0 mode tap"
    tried = subprocess.run([*command, "sh", "-c", trial], capture_output=True, check=False)
    if tried.returncode != 0:
        _skip(f"no network namespaces with taps here, which want root: {tried.stderr.decode('utf-8', 'replace').strip()}")
    os.environ[_INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])


def _skip(reason):
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(case.SKIPPED)


def _run(*command):
    result = subprocess.run(list(map(str, command)), capture_output=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {result.stderr.decode('utf-8', 'replace').strip()}")
    return result.stdout.decode()


class Network:
    """A bridge, what is plugged into it, and what was started on it."""

    def __init__(self):
        self.bridge = "bridge"
        self.taps = 0
        self.hosts = {}
        _run("ip", "link", "add", self.bridge, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        _run("ip", "link", "set", self.bridge, "up")

    def remove(self):
        """Every host and the bridge; what runs on the hosts has to be ended before."""
        for host in self.hosts.values():
            host.remove()
        _run("ip", "link", "delete", self.bridge)
        for number in range(self.taps):
            _run("ip", "link", "delete", f"tap{number}")

    def host(self, name, address, impairable=False):
        """A host with an address such as 10.77.0.1/24, or without one (None); impairable: its packets can get lost."""
        self.hosts[name] = Host(self, name, address, impairable)
        return self.hosts[name]

    def tap(self):
        """The name of a new tap on the bridge, for a machine."""
        name = f"tap{self.taps}"
        self.taps += 1
        _run("ip", "tuntap", "add", name, "mode", "tap")
        _run("ip", "link", "set", name, "master", self.bridge, "up")
        return name


class Host:
    """A network namespace with the interface eth0 on the bridge."""

    def __init__(self, network, name, address, impairable):
        self.name = name
        self.address = address.split("/")[0] if address else None
        self.port = f"to-{name}"[:15]  # the bridge's end
        self.wire = None
        _run("ip", "netns", "add", name)
        if impairable and not _has_netem():
            self._plug_in_wire()
        else:
            _run("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", self.port, "master", network.bridge, "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "-n", name, "link", "set", "eth0", "up")
        if address:
            _run("ip", "-n", name, "address", "add", address, "dev", "eth0")

    def _plug_in_wire(self):
        program = os.path.join(os.path.dirname(__file__), "wire.py")
        command = [sys.executable, "-B", program, f"/run/netns/{self.name}", "eth0", self.port]
        self.wire = Console(command, name=f"the wire of {self.name}")
        self.wire.wait_for("^ready$", 20)

    def remove(self):
        if self.wire:
            self.wire.kill()  # its taps go with it
        else:
            _run("ip", "link", "delete", self.port)  # the namespace goes some time after its name
        _run("ip", "netns", "delete", self.name)

    def command(self, *command):
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *map(str, command)]

    def run(self, *command):
        """Runs a program to its end on this host; its standard output."""
        return _run(*self.command(*command))

    def start(self, *command, name=None, **more):
        """A program that goes on running on this host, as a Console."""
        name = name or os.path.basename(str(command[0]))
        return Console(self.command(*command), name=f"{name} on {self.name}", **more)

    @contextlib.contextmanager
    def inside(self):
        """In it, sockets that this thread makes are this host's; they stay so afterwards."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as before, open(f"/run/netns/{self.name}", encoding="ascii") as there:
            _enter_network(there)
            try:
                yield
            finally:
                _enter_network(before)

    def impair(self, loss=0.0, reorder=0.0, delay=0.005):
        """Shares of the packets, in both directions, that are lost and that come too late, by `delay` seconds. Only for
        hosts that were made impairable."""
        if self.wire:
            after = len(self.wire.text)
            self.wire.type(f"{loss} {reorder} {delay}\n")
            self.wire.wait_for("^set$", 20, after)
            return
        for prefix, interface in ((["ip", "netns", "exec", self.name], "eth0"), ([], self.port)):
            subprocess.run([*prefix, "tc", "qdisc", "delete", "dev", interface, "root"], capture_output=True, check=False)
            netem = ["limit", "10000"]
            if loss:
                netem += ["loss", f"{loss * 100}%"]
            if reorder:  # netem delays all but a share
                netem += ["delay", f"{delay * 1000}ms", "reorder", f"{100 - reorder * 100}%"]
            if loss or reorder:
                _run(*prefix, "tc", "qdisc", "add", "dev", interface, "root", "netem", *netem)


def _has_netem():
    """Whether this kernel can lose and delay packets by itself (tc-netem(8))."""
    tried = subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "netem"], capture_output=True, check=False)
    if tried.returncode == 0:
        _run("tc", "qdisc", "delete", "dev", "lo", "root")
    return tried.returncode == 0


def _enter_network(stream):
    if _libc.setns(stream.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _file(*paths):
    """The first that exists, or None."""
    return next((path for path in paths if os.path.exists(path)), None)


class Firmware:
    """A kind of machine that can boot over the network by itself. No device of it is told what to boot: it does what it
    does out of the box, except that it does not wait for a key, and that IPv6, which is tried for minutes where there is
    none, is off."""

    def __init__(self, program, arguments, code, variables=None):
        self.program = program
        self.arguments = arguments
        self.code = code  # alternatives; none: what QEMU has built in
        self.variables = variables

    def missing(self):
        """What a machine of this kind lacks here, or None."""
        if shutil.which(self.program) is None:
            return f"{self.program} is not installed"
        if self.code and not _file(*self.code):
            return f"there is no {self.code[0]}"
        return None

    def command(self, tap, mac, directory, mebibytes, more=()):
        command = [self.program, *self.arguments, "-m", str(mebibytes), "-smp", "1", "-nodefaults", "-display", "none"]
        command += ["-serial", "stdio", "-monitor", "none", "-boot", "menu=on,splash-time=0", "-no-reboot"]
        command += ["-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no"]
        if self.variables:
            variables = os.path.join(directory, f"variables-{tap}.fd")
            shutil.copyfile(_file(*self.variables), variables)
            command += ["-drive", f"if=pflash,format=raw,readonly=on,file={_file(*self.code)}"]
            command += ["-drive", f"if=pflash,format=raw,file={variables}"]
        elif self.code:
            command += ["-bios", _file(*self.code)]
        if self.code:
            # UEFI has drivers of its own, so the card's ROM (an iPXE of QEMU's) is left out.
            command += ["-device", f"virtio-net-pci,netdev=net0,mac={mac},romfile="]
            command += ["-fw_cfg", "name=opt/org.tianocore/IPv6Support,string=n"]
            command += ["-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"]
        else:
            command += ["-device", f"virtio-net-pci,netdev=net0,mac={mac},bootindex=0"]
        return [*command, "-device", "virtio-rng-pci", *more]


# cortex-a72 and qemu64 without cx16: see src/machine/model.cc.
FIRMWARE = {
    "arm64-uefi": Firmware("qemu-system-aarch64", ["-M", "virt", "-cpu", "cortex-a72"], ["/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"]),
    "amd64-uefi": Firmware(
        "qemu-system-x86_64",
        ["-M", "q35", "-cpu", "qemu64,-cx16", "-vga", "none"],
        ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE.fd"],
        ["/usr/share/OVMF/OVMF_VARS_4M.fd", "/usr/share/OVMF/OVMF_VARS.fd"],
    ),
    # The BIOS itself has no network boot: the ROM of the card brings it, which in QEMU is an iPXE from 2019. Without
    # graphics the BIOS writes to the serial port.
    "amd64-bios": Firmware("qemu-system-x86_64", ["-M", "q35,graphics=off", "-cpu", "qemu64,-cx16", "-vga", "none"], []),
}
HTTP_BOOT = ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n"]  # leaves UEFI only HTTP to boot from


class Case(case.Case):
    """A test with a network of its own, self.network. What it starts by self.start and self.machine is ended after it; if
    the test failed, the end of what each printed is shown."""

    def setUp(self):
        super().setUp()
        self.consoles = []
        self.network = Network()
        self.addCleanup(self.network.remove)

    def start(self, host, *command, **more):
        return self.watch(host.start(*command, **more))

    def machine(self, firmware, mac, mebibytes=512, more=(), name=None):
        """Switches a machine on that finds no disk and therefore boots over the network."""
        command = FIRMWARE[firmware].command(self.network.tap(), mac, self.work, mebibytes, more)
        return self.watch(Console(command, name=name or f"the machine {mac} ({firmware})"))

    def watch(self, console):
        self.consoles.append(console)
        self.addCleanup(self._end, console)
        return console

    def _end(self, console):
        console.kill()
        if self.has_failed():
            with open(self.path(re.sub(r"[^A-Za-z0-9]+", "-", console.name) + ".log"), "w", encoding="utf-8") as log:
                log.write(console.text)
            print(f"--- {console.tail()}\n---", flush=True)
