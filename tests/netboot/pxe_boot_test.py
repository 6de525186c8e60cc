#!/usr/bin/env python3
"""Machines whose firmware boots over the network, from `kiln serve --pxe` to the services of the system.

The machines are QEMU's, with the firmware that Debian ships and nothing told to it; each test has a network of its own
(kiln_test/netlab.py). The packages come from the store that the boot tests fill: `boot/boot_test.py packages ARCH`.
"""

import json
import os
import re
import shutil
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../boot"))
from boot_test import MACHINE, shared_store
from kiln_test import case, netlab
from kiln_test.browser import Browser

SYSTEM = {
    "kernel": {"image": "@kiln:kernel-cloud"},
    "init": ["@kiln:init", "@kiln:crun"],
    "onboot": [
        {"name": "dhcpcd", "image": "@kiln:dhcpcd", "command": ["/usr/sbin/dhcpcd", "--nobackground", "-f", "/dhcpcd.conf", "-1"]}
    ],
    "services": [{"name": "nginx", "image": "@kiln:nginx"}, {"name": "getty", "image": "@kiln:getty", "env": ["INSECURE=true"]}],
    "files": [{"path": "etc/hostname", "contents": "netbooted"}],
}
SERVER = "10.77.0.1"
RANGE = "10.77.0.100-10.77.0.199"
URL = f"http://{SERVER}:8080"
STAGES = ["dhcp", "tftp", "script", "kernel", "initramfs", "booted"]
CONSOLE = {"arm64": "ttyAMA0", "amd64": "ttyS0"}

# An emulated machine takes 25 s where nothing else runs, two at a time take 40 s each, and other machines are slower.
BOOT = 240


class Booting:
    """A machine that was switched on."""

    def __init__(self, test, firmware, number, mebibytes=512, more=()):
        self.test = test
        self.firmware = firmware
        self.architecture = firmware.split("-")[0]
        self.mac = f"52:54:00:77:00:{number:02x}"
        self.uuid = f"9b1f6c5e-0000-4000-8000-0000000000{number:02x}"
        identity = ["-uuid", self.uuid, "-smbios", f"type=1,serial=KILN-{number:04}"]
        self.console = test.machine(firmware, self.mac, mebibytes, [*identity, *more], name=f"machine {number} ({firmware})")

    def wait_for(self, pattern, timeout=BOOT, after=0):
        return self.console.wait_for(pattern, timeout, after)

    def state(self):
        """What the server's API says of it."""
        for machine in self.test.api("machines")["machines"]:
            if machine["mac"] == self.mac:
                return machine
        return None


class Watcher:
    """Someone in front of the status page in Chromium, on a host of his own: notes what it shows of each machine."""

    STEPS = ["DHCP", "iPXE", "Script", "Kernel", "Initramfs", "Up"]
    LOOK = """return [...document.querySelectorAll('#machines .card')].map(
        card => [card.textContent, card.querySelector('[aria-current=step]')?.textContent])"""

    def __init__(self, test, host):
        self.host = host
        self.seen = {}  # MAC address: steps, in the order in which they came
        self.stop = threading.Event()
        with host.inside():
            self.browser = Browser(host=host)
            self.browser.open(f"{URL}/")
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        test.addCleanup(self.close)

    def watch(self):
        with self.host.inside():
            while not self.stop.wait(0.3):
                for text, step in self.browser.run(self.LOOK):
                    steps = self.seen.setdefault(re.search(r"(?i)[0-9a-f]{2}(:[0-9a-f]{2}){5}", text)[0], [])
                    if step and steps[-1:] != [step]:
                        steps.append(step)

    def close(self):
        self.stop.set()
        self.thread.join(60)
        with self.host.inside():
            self.browser.close()


class PxeBoot(netlab.Case):
    def setUp(self):
        super().setUp()
        self.kiln.store = shared_store()
        self.needs("qemu-system-aarch64", "qemu-system-x86_64")
        for firmware in netlab.FIRMWARE.values():
            if reason := firmware.missing():
                self.skipTest(reason)
        self.server = self.network.host("server", SERVER + "/24")
        self.write_system(SYSTEM, "web.yml")

    def serve(self, *options, systems=("arm64", "amd64")):
        """kiln serve --pxe on the host of that name, ready when this returns."""
        sources = [f"{self.path('web.yml')},arch={system},name=web-{system}" for system in systems]
        command = self.kiln.command("serve", "--pxe", *sources, "--interface", "eth0", *options)
        self.log = self.start(self.server, *command, name="kiln serve", env=self.kiln.environment(), cwd=self.work)
        self.log.wait_for("status page: ", 300)

    def dnsmasq(self, host, *options):
        """A DHCP server that is not Kiln's, without a host's configuration."""
        self.needs("dnsmasq")
        common = ["--keep-in-foreground", "--user=root", "--port=0", "--log-facility=-", "--log-dhcp", "--no-ping", "--pid-file="]
        leases = f"--dhcp-leasefile={self.path('leases')}"
        console = self.start(host, "dnsmasq", *common, leases, "--interface=eth0", "--bind-interfaces", *options)
        console.wait_for("DHCP, IP range", 20)
        return console

    def get(self, url):
        with self.server.inside(), urllib.request.urlopen(url, timeout=20) as reply:
            return reply.read().decode()

    def api(self, name):
        return json.loads(self.get(f"{URL}/api/{name}"))

    def running(self, machine, stages=STAGES):
        """Everything that shows that the machine runs what it was sent."""
        machine.wait_for(r"^kiln: up in")
        seconds = time.monotonic() - machine.console.began
        self.checked(f"{machine.firmware}: from power on to all services up in {seconds:.0f} s")
        text = machine.console.text
        self.assertIn(f"{URL}/boot.ipxe", text)
        command_line = re.search(r"ommand line: (.*)", text)[1]
        self.assertIn(f"console={CONSOLE[machine.architecture]}", command_line)
        state = self.settled(machine)
        self.assertEqual([one["stage"] for one in state["stages"] if one["reached_ago"] is not None], stages, state)
        self.assertEqual(
            {key: state[key] for key in ("stage", "error", "os", "architecture", "uuid")},
            {"stage": stages[-1], "error": "", "os": f"web-{machine.architecture}", "architecture": machine.architecture, "uuid": machine.uuid},
        )
        self.checked("the API knows its architecture, UUID, system and stages, the last of them the call home")
        self.assertIn("Welcome to nginx!", self.page(state["ip"]))
        self.checked(f"nginx's page comes from {state['ip']} over the bridge")
        after = len(machine.console.text)
        machine.console.type("\necho on $(hostname), $(uname -m)\n")
        machine.wait_for(f"^on netbooted, {MACHINE[machine.architecture]}$", 60, after)
        self.checked(f"the shell on {CONSOLE[machine.architecture]} answers")
        return state

    def page(self, address, timeout=60):
        """The machine's web page; the server in it takes a moment after its start."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.get(f"http://{address}/")
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def settled(self, machine):
        """Its state once it has called home."""
        deadline = time.monotonic() + 60
        while True:
            state = machine.state()
            if state and state["stage"] == "booted":
                return state
            self.assertLess(time.monotonic(), deadline, f"it did not call home: {state}")
            time.sleep(0.5)

    def test_full(self):
        """--dhcp full: an arm64 and an x86-64 UEFI machine at once, before a browser that shows the status page"""
        self.serve("--dhcp", "full", "--range", RANGE)
        watcher = self.watcher()
        machines = [Booting(self, "arm64-uefi", 1), Booting(self, "amd64-uefi", 2)]
        for machine in machines:
            state = self.running(machine)
            self.assertRegex(state["ip"], r"^10\.77\.0\.1\d\d$")
            machine.wait_for(r"NBP file downloaded", 1)
        self.assertNotEqual(machines[0].state()["ip"], machines[1].state()["ip"])
        self.metrics()
        if watcher:
            self.was_seen(watcher, machines)

    def watcher(self):
        if not shutil.which("chromium") or not shutil.which("chromedriver"):
            print("  SKIPPED: the status page: chromium or chromedriver is not installed", flush=True)
            return None
        return Watcher(self, self.network.host("desk", "10.77.0.9/24"))

    def was_seen(self, watcher, machines):
        """That the page showed each machine on its way, never backwards."""
        deadline = time.monotonic() + 30
        while any(watcher.seen.get(machine.mac, [])[-1:] != ["Up"] for machine in machines):
            self.assertTrue(watcher.thread.is_alive() and time.monotonic() < deadline, f"the page showed {watcher.seen}")
            time.sleep(0.5)
        for machine in machines:
            steps = watcher.seen[machine.mac]
            self.assertEqual(steps, [step for step in Watcher.STEPS if step in steps])
            self.assertLessEqual({"DHCP", "iPXE", "Up"}, set(steps))
            self.assertTrue({"Kernel", "Initramfs"} & set(steps), steps)
            self.checked(f"the status page showed {machine.firmware} go through {', '.join(steps)}")

    def metrics(self):
        text = self.get(f"{URL}/metrics")
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) [a-z_:]+ .*|[a-z_:]+(\{[^}]*\})? [-+0-9.eE]+)$")
        self.checked("the metrics are in Prometheus' form")

    def test_proxy(self):
        """--dhcp proxy beside a dnsmasq on another host: an arm64 UEFI and an x86 BIOS machine at once"""
        other = self.network.host("dhcp", "10.77.0.2/24")
        dnsmasq = self.dnsmasq(other, "--conf-file=/dev/null", "--dhcp-range=10.77.0.50,10.77.0.99,255.255.255.0,1h")
        self.serve()
        machines = [Booting(self, "arm64-uefi", 1), Booting(self, "amd64-bios", 2)]
        # The BIOS has an iPXE in its card's ROM, so it needs no other.
        for machine, stages in zip(machines, [STAGES, [stage for stage in STAGES if stage != "tftp"]]):
            state = self.running(machine, stages)
            self.assertRegex(state["ip"], r"^10\.77\.0\.[5-9]\d$")
            self.assertIn(state["ip"], dnsmasq.text)
        self.checked("dnsmasq gave the addresses, Kiln what to boot")

    def test_print(self):
        """--dhcp print, fed to dnsmasq: an arm64 and an x86-64 UEFI machine at once"""
        self.serve("--dhcp", "print", "--range", RANGE)
        self.write("dnsmasq.conf", re.search(r"(?ms)^# dnsmasq$(.*?)^# ISC dhcpd$", self.log.text)[1])
        other = self.network.host("dhcp", "10.77.0.2/24")
        dnsmasq = self.dnsmasq(other, f"--conf-file={self.path('dnsmasq.conf')}")
        for machine in [Booting(self, "arm64-uefi", 1), Booting(self, "amd64-uefi", 2)]:
            state = self.running(machine, STAGES[1:])
            self.assertIn(f"{state['ip']} {machine.mac}", dnsmasq.text)
        self.checked("dnsmasq did all of DHCP")

    def test_by_hand(self):
        """Ctrl-B in the iPXE of an x86 BIOS machine: `dhcp`, and `chain` of the iPXE that TFTP has for it"""
        self.serve("--dhcp", "full", "--range", RANGE, systems=("amd64",))
        machine = Booting(self, "amd64-bios", 2)
        machine.wait_for(r"Press Ctrl-B for the iPXE command line", 60)
        machine.console.type("\x02")
        machine.wait_for(r"iPXE> ", 60)
        machine.console.type_slowly("dhcp\r")
        machine.wait_for(r"Configuring \(net0 [^\n]* ok$", 60)
        machine.console.type_slowly(f"chain tftp://{SERVER}/undionly.kpxe\r")
        self.running(machine)
        self.assertIn("undionly.kpxe", self.log.text)

    def test_http_boot(self):
        """UEFI HTTP boot of an arm64 machine, and a wrong system for an x86-64 one"""
        self.needs("tcpdump")
        self.serve("--dhcp", "full", "--range", RANGE, systems=("arm64",))
        sniffer = self.start(self.server, "tcpdump", "-n", "-l", "-i", "eth0", "udp port 69")
        sniffer.wait_for("listening on", 20)
        machine = Booting(self, "arm64-uefi", 1, more=netlab.HTTP_BOOT)
        wrong = Booting(self, "amd64-bios", 2)
        self.running(machine)
        machine.wait_for(r"Start HTTP Boot over IPv4", 1)
        self.assertNotIn("10.77.0.1.69:", sniffer.text)
        self.checked("no packet went to the TFTP port")
        self.refused(wrong)

    def refused(self, machine):
        said = machine.wait_for(r"this machine is amd64, and no system[^\n]*\n[^\n]*", 60)[0]
        self.checked(f"its console says: {' '.join(said.split())}")
        state = machine.state()
        self.assertIn("amd64", state["error"])
        self.assertEqual((state["stage"], state["sent"]), ("script", 0))
        self.checked(f"the API says: {state['error']}")


if __name__ == "__main__":
    netlab.enter()
    case.main()
