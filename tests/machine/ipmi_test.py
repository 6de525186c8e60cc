#!/usr/bin/env python3
"""`kiln run ipmi` by the real ipmitool against OpenIPMI's simulator of a BMC (ipmi_sim): boot device, power, and the
console over IPMI."""

import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import bare_metal, case, netlab
from kiln_test.json_server import JsonServer
from kiln_test.machine import Console
from kiln_test.registry import free_port

PASSWORD = "s3cret"
BMC = """name "kiln"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{chassis}"
  sol "tcp:127.0.0.1:{serial}" 115200
  user 2 true "admin" "s3cret" admin 10 none md2 md5 straight
"""
CONTROLLER = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n"
# ipmi_sim calls it with "get power", "set power 1", "get boot", "set boot pxe".
CHASSIS = """#!{python}
import sys, urllib.request
print(urllib.request.urlopen("{url}/" + "/".join(sys.argv[1:])).read().decode().strip('"'))
"""


class Chassis(JsonServer):
    """What the simulator asks for its machine's sake."""

    def __init__(self, machine):
        self.machine = machine
        self.boot = "default"
        super().__init__()

    def answer(self, method, path, headers, body):
        words = path.strip("/").split("/")
        if words == ["get", "power"]:
            return 200, f"power:{int(self.machine.is_on())}", {}
        if words[:2] == ["get", "boot"]:
            return 200, f"boot:{self.boot}", {}
        if words[:2] == ["set", "boot"]:
            self.boot = words[2]
        elif words == ["set", "power", "1"]:
            self.machine.switch_on("http://127.0.0.1:1/none" if self.boot == "none" else None)
        elif words == ["set", "power", "0"]:
            self.machine.switch_off()
        return 200, "", {}


class SerialPort:
    """A TCP port of 127.0.0.1 that is the machine's serial console while it is on."""

    def __init__(self, machine):
        self.machine = machine
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        while True:
            try:
                serial = socket.socket(socket.AF_UNIX)
                serial.connect(self.machine.socket)
                break
            except OSError:
                threading.Event().wait(0.1)
        threading.Thread(target=self.copy, args=(client, serial), daemon=True).start()
        self.copy(serial, client)
        client.close()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(4096):
                sink.sendall(data)
        except OSError:
            pass


class Ipmi(case.Case):
    def setUp(self):
        super().setUp()
        self.needs("ipmitool", "ipmi_sim")
        self.machine = bare_metal.Server(self.work, bare_metal.sketch)
        self.addCleanup(self.machine.switch_off)
        self.chassis = Chassis(self.machine)
        self.addCleanup(self.chassis.stop)
        serial = SerialPort(self.machine)
        self.addCleanup(serial.listener.close)
        self.port = free_port()
        chassis = self.write("chassis", CHASSIS.format(python=sys.executable, url=self.chassis.url))
        os.chmod(chassis, 0o755)
        self.write("lan.conf", BMC.format(port=self.port, chassis=chassis, serial=serial.port))
        self.write("bmc.emu", CONTROLLER)
        os.makedirs(self.path("state"))
        command = ["ipmi_sim", "-n", "-c", self.path("lan.conf"), "-f", self.path("bmc.emu"), "-s", self.path("state")]
        self.simulator = Console(command, name="ipmi_sim")
        self.addCleanup(self.simulator.kill)

    def arguments(self, *more):
        return ["run", "ipmi", "--bmc", "127.0.0.1", "--port", self.port, "--user", "admin", *more]

    def start_ipmi(self, *more):
        environment = self.kiln.environment(KILN_BMC_PASSWORD=PASSWORD)
        console = Console(self.kiln.command(*self.arguments(*more)), name="kiln run ipmi", env=environment, cwd=self.work)
        self.addCleanup(console.kill)
        return console

    def test_console(self):
        """boot device, power on, the console over IPMI, the end"""
        console = self.start_ipmi()
        # What the machine said before the session began went nowhere, as on real serial lines.
        console.wait_for("SOL Session operational", 200)
        self.assertEqual(self.chassis.boot, "pxe")
        self.assertEqual(len(self.machine.boots), 1)
        console.type("hello\r")
        console.wait_for("hello", 30)
        console.type("~.")
        self.assertEqual(console.ended(60), 0, console.text)
        self.assertNotIn(PASSWORD, console.text)
        self.checked("PXE was set, the machine switched on, its console came over IPMI and was left by ~.")

    def test_power_cycle(self):
        """a machine that is on is switched off and on"""
        self.machine.switch_on(None)
        console = self.start_ipmi("--console=false")
        self.assertEqual(console.ended(90), 0, console.text)
        self.assertIn("the machine is on", console.text)
        self.assertEqual(len(self.machine.boots), 2)
        self.checked("two boots")

    def test_refused(self):
        """a wrong password"""
        result = self.kiln.run(*self.arguments(), env={"KILN_BMC_PASSWORD": "wrong"})
        self.assertEqual(result.status, 1)
        self.assertRegex(result.stderr, r"error: 'ipmitool chassis bootdev pxe options=efiboot' for BMC '127.0.0.1': status 1: ")
        self.assertRegex(result.stderr, r"\nhint: is IPMI over LAN switched on there")
        self.assertEqual(self.machine.boots, [])
        self.checked("is told, with what ipmitool says")

    def test_missing(self):
        """without ipmitool"""
        result = self.kiln.run(*self.arguments(), env={"KILN_BMC_PASSWORD": PASSWORD, "PATH": self.path("nothing")})
        self.fails_with(
            result,
            "error: speaking IPMI needs the program 'ipmitool', which is missing\nhint: install the Debian package ipmitool\n",
        )
        self.checked("the package is named")


if __name__ == "__main__":
    netlab.enter()
    case.main()
