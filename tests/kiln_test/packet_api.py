"""A double of the API of Packet, later Equinix Metal, as its OpenAPI document described it: devices of one project, which
are machines (kiln_test.bare_metal) that boot a custom iPXE script.

As there, a device runs its script at its first boot only unless `always_pxe` is set; afterwards its firmware boots the
disk, and with nothing on it stops at the firmware's own menu or at iPXE's.
"""

import os
import threading
import time
import uuid

from kiln_test.bare_metal import Server
from kiln_test.json_server import JsonServer

PLANS = {"baremetal_0": "x86", "baremetal_2a": "arm", "c3.large.arm64": "arm"}
FACILITIES = ("ams1", "ewr1")


class PacketApi(JsonServer):
    prefix = "/metal/v1"

    def __init__(self, directory, program, token="t0ken", project="p-1", consoles=None, without_script=None):
        self.directory = directory
        self.program = program
        self.token = token
        self.project = project
        self.consoles = consoles  # a ConsoleHost
        self.without_script = without_script  # what a device boots that does not run its script
        self.devices = {}
        self.machines = {}
        self.gone = []
        self.provisioning_seconds = 1.0
        self.fails = False  # devices fail to provision
        super().__init__()
        self.url += self.prefix

    def answer(self, method, path, headers, body):
        if headers.get("X-Auth-Token") != self.token:
            return self.error(401, "Invalid authentication token")
        if not path.startswith(self.prefix + "/"):
            return self.error(404, "Not found")
        parts = path[len(self.prefix) + 1 :].split("/")
        if parts[0] == "projects" and parts[2:] == ["devices"] and method == "POST":
            return self.create(parts[1], body)
        if parts[0] == "devices" and len(parts) >= 2:
            return self.device(method, parts, body)
        return self.error(404, "Not found")

    @staticmethod
    def error(status, *messages):
        return status, {"errors": list(messages)}, {}

    def create(self, project, body):
        if project != self.project:
            return self.error(404, "Not found")
        if not isinstance(body, dict):
            return self.error(400, "Malformed request body")
        problems = []
        if body.get("plan") not in PLANS:
            problems.append(f"{body.get('plan')} is not a valid plan")
        if "metro" not in body and not set(body.get("facility", [])) & {*FACILITIES, "any"}:
            problems.append(f"{body.get('facility')} is not a valid facility")
        if body.get("operating_system") != "custom_ipxe":
            problems.append("this double has no operating systems of its own")
        if not body.get("ipxe_script_url") and not body.get("userdata", "").startswith("#!ipxe"):
            problems.append("ipxe_script_url can't be blank")
        if problems:
            return self.error(422, *problems)
        device_id = str(uuid.uuid4())
        facility = body.get("facility", ["ams1"])[0]
        self.devices[device_id] = {
            "id": device_id,
            "short_id": device_id[:8],
            "hostname": body["hostname"],
            "state": "queued",
            "plan": {"slug": body["plan"]},
            "facility": {"code": facility},
            "metro": {"code": body.get("metro", "am")},
            "operating_system": {"slug": "custom_ipxe"},
            "billing_cycle": body.get("billing_cycle", "hourly"),
            "ipxe_script_url": body["ipxe_script_url"],
            "always_pxe": body.get("always_pxe", False),
            "locked": False,
            "tags": body.get("tags", []),
            "sos": "127.0.0.1",
            "href": f"{self.prefix}/devices/{device_id}",
        }
        threading.Thread(target=self.provision, args=(device_id,), daemon=True).start()
        return 201, self.devices[device_id], {}

    def provision(self, device_id):
        time.sleep(self.provisioning_seconds / 2)
        with self.lock:
            device = self.devices.get(device_id)
            if device is None:
                return
            device.update(state="provisioning", provisioning_percentage=50.0)
        time.sleep(self.provisioning_seconds / 2)
        with self.lock:
            if device_id not in self.devices:
                return
            device.pop("provisioning_percentage")
            if self.fails:
                device["state"] = "failed"
                return
            directory = os.path.join(self.directory, device_id)
            os.makedirs(directory)
            self.machines[device_id] = Server(directory, self.program)
            if self.consoles:
                self.consoles.add(device_id, self.machines[device_id])
            self.switch_on(device_id)

    def switch_on(self, device_id):
        device, machine = self.devices[device_id], self.machines[device_id]
        runs_script = device["always_pxe"] or not machine.boots
        machine.switch_on(device["ipxe_script_url"] if runs_script else self.without_script)
        device["state"] = "active"

    def device(self, method, parts, body):
        device = self.devices.get(parts[1])
        if device is None:
            return self.error(404, "Not found")
        if parts[2:] == ["actions"] and method == "POST":
            return self.act(device, body)
        if len(parts) != 2:
            return self.error(404, "Not found")
        if method == "GET":
            machine = self.machines.get(device["id"])
            if device["state"] == "active" and not machine.is_on():
                device["state"] = "inactive"
            return 200, device, {}
        if method == "PUT":
            known = ("hostname", "ipxe_script_url", "always_pxe", "locked", "tags", "userdata")
            device.update({key: value for key, value in body.items() if key in known})
            return 200, device, {}
        if method == "DELETE":
            if device["locked"]:
                return self.error(422, "Cannot delete a locked device")
            self.remove(device["id"])
            return 204, None, {}
        return self.error(405, "Method not allowed")

    def act(self, device, body):
        machine = self.machines[device["id"]]
        if body.get("type") in ("reboot", "power_on"):
            machine.switch_off()
            self.switch_on(device["id"])
        elif body.get("type") == "power_off":
            machine.switch_off()
            device["state"] = "inactive"
        else:
            return self.error(422, f"{body.get('type')} is not a valid action")
        return 202, None, {}

    def remove(self, device_id):
        self.devices.pop(device_id)
        self.gone.append(device_id)
        if machine := self.machines.get(device_id):
            machine.switch_off()

    def stop(self):
        for machine in self.machines.values():
            machine.switch_off()
        super().stop()
