"""A server of a rack, for the doubles of a BMC and of a provider's API: a machine that is switched on and off, whose serial
console is a Unix socket, and a real sshd that leads to it.

The machine is QEMU with UEFI, or, where only what is asked of it matters, `sketch`: a few lines of Python that do with a
boot script what iPXE does, as far as fetching goes.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kiln_test.machine import Console

EDK2 = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"


def missing_for_qemu():
    if shutil.which("qemu-system-aarch64") is None:
        return "qemu-system-aarch64 is not installed"
    return None if os.path.exists(EDK2) else f"there is no {EDK2}"


class Server:
    """A machine with a power switch. `program(boot)` is the command it runs while it is on: `boot` is what its firmware
    boots: the URL of a script, for an iPXE in its network card; "file:PROGRAM URL", an EFI program, with the script that
    DHCP tells it of if it is an iPXE; or None, its disk, which is empty."""

    def __init__(self, directory, program):
        self.directory = directory
        self.program = program
        place = tempfile.mkdtemp(prefix="kiln-serial-")  # a socket's name must be short
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        self.socket = os.path.join(place, "serial")
        self.log = os.path.join(directory, "serial.log")
        self.process = None
        self.boots = []  # what each boot was from
        self._lock = threading.Lock()
        open(self.log, "w", encoding="utf-8").close()

    def is_on(self):
        return self.process is not None and self.process.poll() is None

    def switch_on(self, boot):
        with self._lock:
            if self.is_on():
                return
            self.boots.append(boot)
            output = open(os.path.join(self.directory, "machine.log"), "ab")
            self.process = subprocess.Popen(
                self.program(self, boot), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.directory
            )

    def switch_off(self):
        with self._lock:
            if self.is_on():
                self.process.kill()
                self.process.wait()

    def console(self):
        """All that its serial port said."""
        with open(self.log, encoding="utf-8", errors="replace") as stream:
            return stream.read()


def sketch(server, boot):
    """The command of a machine that is none."""
    return [sys.executable, "-B", os.path.abspath(__file__), server.socket, server.log, boot or ""]


def qemu(ipxe, mebibytes=512, more=()):
    """Machines of QEMU, arm64, whose firmware boots iPXE from its network card's ROM, or an EFI program over HTTP."""

    def command(server, boot):
        chardev = f"socket,id=serial,path={server.socket},server=on,wait=off,logfile={server.log},logappend=on"
        network = "user,id=net0"
        arguments = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-m", str(mebibytes), "-nodefaults"]
        arguments += ["-display", "none", "-monitor", "none", "-chardev", chardev, "-serial", "chardev:serial"]
        arguments += ["-bios", EDK2, "-boot", "menu=on,splash-time=0", "-device", "virtio-rng-pci"]
        if boot:
            words = boot.removeprefix("file:").split()
            arguments += ["-kernel", words[0] if boot.startswith("file:") else ipxe]
            network += f",bootfile={words[-1]}"  # what DHCP tells iPXE
        arguments += ["-netdev", network, "-device", "virtio-net-pci,netdev=net0,romfile=", *more]
        return arguments

    return command


class ConsoleHost:
    """sshd on a free port of 127.0.0.1. A session of `users[name]` is the serial console of that Server: nothing else is
    run for it. Accounts are those of /etc/passwd, so the test's own mount namespace gets one with these in it; each may
    log in with the key `self.key`."""

    def __init__(self, directory, port):
        self.directory = directory
        self.port = port
        self.key = os.path.join(directory, "id_ed25519")
        host_key = os.path.join(directory, "host_key")
        for key in (self.key, host_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        shutil.copy(self.key + ".pub", os.path.join(directory, "authorized_keys"))
        with open(host_key + ".pub", encoding="ascii") as stream:
            kind, text = stream.read().split()[:2]
        self.known_hosts = os.path.join(directory, "known_hosts")
        with open(self.known_hosts, "w", encoding="ascii") as stream:
            stream.write(f"[127.0.0.1]:{port} {kind} {text}\n")
        self.passwd = os.path.join(directory, "passwd")
        shutil.copy("/etc/passwd", self.passwd)
        subprocess.run(["mount", "--bind", self.passwd, "/etc/passwd"], check=True)
        os.makedirs("/run/sshd", exist_ok=True)
        self._configure(host_key)
        config = os.path.join(directory, "sshd_config")
        self.sshd = Console(["/usr/sbin/sshd", "-D", "-e", "-f", config], name="sshd")
        self.sshd.wait_for("Server listening", 20)

    def _configure(self, host_key):
        attach = f"{sys.executable} -B {os.path.abspath(__file__)} attach {self.directory}/console-$USER"
        with open(os.path.join(self.directory, "sshd_config"), "w", encoding="utf-8") as stream:
            stream.write(
                f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\nStrictModes no\n"
                f"AuthorizedKeysFile {self.directory}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin yes\n"
                f"KbdInteractiveAuthentication no\nPrintMotd no\nForceCommand exec {attach}\n"
            )

    def add(self, user, server):
        with open(self.passwd, "a", encoding="utf-8") as stream:
            stream.write(f"{user}:x:0:0::{self.directory}:/bin/sh\n")
        os.symlink(server.socket, os.path.join(self.directory, f"console-{user}"))

    def ssh_options(self):
        """For kiln's --ssh-option."""
        options = [f"UserKnownHostsFile={self.known_hosts}", f"IdentityFile={self.key}", "IdentitiesOnly=yes"]
        return [word for option in options for word in ("--ssh-option", option)]

    def stop(self):
        self.sshd.kill()
        subprocess.run(["umount", "/etc/passwd"], check=False)


# What follows runs as a program of its own.


def _attach(path):
    """Standard input and output are the serial port, from when the machine is on until it is off."""
    import select
    import socket
    import tty

    if os.isatty(0):
        tty.setraw(0)
    deadline = time.monotonic() + 60
    while True:
        try:
            serial = socket.socket(socket.AF_UNIX)
            serial.connect(os.path.realpath(path))
            break
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("no machine")
            time.sleep(0.1)
    while True:
        ready, _, _ = select.select([0, serial], [], [])
        if serial in ready:
            data = serial.recv(65536)
            if not data:
                return
            os.write(1, data)
        if 0 in ready:
            data = os.read(0, 4096)
            if not data:
                return
            serial.sendall(data)


class _Sketch:
    """Fetches what a script names, prints what a machine would, and then echoes lines until `poweroff`."""

    def __init__(self, path, log):
        import socket

        self.log = open(log, "ab", buffering=0)
        self.said = b""
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)

    def say(self, text):
        data = text.replace("\n", "\r\n").encode()
        self.log.write(data)
        self.said += data

    def boot(self, url):
        if not url:
            return self.say("no bootable device\n")
        self.say("iPXE initialising devices... (a sketch of it)\n")
        names, script = {}, self.fetch(url.split()[-1]).decode()
        for line in script.splitlines():
            line = re.sub(r"\$\{([^}]+)\}", lambda match: names.get(match[1], ""), line)
            words = line.split()
            if words[:1] == ["set"]:
                names[words[1]] = " ".join(words[2:])
            if words[:1] in (["kernel"], ["initrd"]):
                size = len(self.fetch(next(word for word in words if word.startswith("http"))))
                self.say(f"{words[0]} {size} bytes: {line}\n")
        return self.say("kiln: up in 0.01s\nlogin: ")

    def fetch(self, url):
        with urllib.request.urlopen(url, timeout=20) as reply:
            data = reply.read()
        self.say(f"{url}... ok\n")
        return data

    def serve(self):
        connection, _ = self.listener.accept()
        connection.sendall(self.said)
        line = b""
        while data := connection.recv(4096):
            self.log.write(data)
            connection.sendall(data)
            line += data
            if b"poweroff" in line:
                connection.sendall(b"\r\nreboot: Power down\r\n")
                sys.exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "attach":
        _attach(sys.argv[2])
    else:
        machine = _Sketch(sys.argv[1], sys.argv[2])
        machine.boot(sys.argv[3])
        while True:
            machine.serve()
