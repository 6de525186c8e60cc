"""A double of a BMC with a Redfish service (DMTF's DSP0266 and the schemas ComputerSystem 1.20, Manager, VirtualMedia 1.6,
SessionService): one system, which is a machine of kiln_test.bare_metal.

Like real ones it answers nothing but its root without a login, wants If-Match on PATCH, hands its collections out in
pages, forgets a one-time boot override after the boot, and says what it does not like in @Message.ExtendedInfo.
"""

import base64
import os
import secrets
import urllib.request

from kiln_test.bare_metal import Server
from kiln_test.json_server import JsonServer

ROOT = "/redfish/v1"
SYSTEM = ROOT + "/Systems/437XR1138R2"
TARGETS = ["None", "Pxe", "Hdd", "Cd", "UefiHttp"]
RESETS = ["On", "ForceOff", "ForceRestart", "GracefulShutdown"]


class RedfishBmc(JsonServer):
    def __init__(self, directory, program, user="admin", password="s3cret", certificate=None):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.machine = Server(directory, program)
        self.user, self.password = user, password
        self.sessions = {}  # id -> token
        self.had_sessions = 0
        self.override = {"Enabled": "Disabled", "Target": "None", "Uri": ""}
        self.pxe_script = None  # what the network's boot server tells iPXE
        self.image = None  # in the virtual drive
        self.version = 1
        self.instruction_set = "ARM-A64"
        self.memory_gib = 0.5
        self.targets = TARGETS
        self.ssh_port = None
        self.ipmi_port = None
        self.other_systems = []
        super().__init__(certificate)

    # Who may ask.

    def allowed(self, headers):
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return headers.get("X-Auth-Token") in self.sessions.values() or headers.get("Authorization") == f"Basic {basic}"

    @staticmethod
    def error(status, message, key="GeneralError"):
        info = {"@odata.type": "#Message.v1_1_1.Message", "MessageId": f"Base.1.8.{key}", "Message": message}
        general = "A general error has occurred. See ExtendedInfo for more information."
        return status, {"error": {"code": "Base.1.8.GeneralError", "message": general, "@Message.ExtendedInfo": [info]}}, {}

    def answer(self, method, path, headers, body):
        if path.rstrip("/") == ROOT and method == "GET":
            return 200, self.root(), {}
        if path == ROOT + "/SessionService/Sessions" and method == "POST":
            return self.log_in(body)
        if not self.allowed(headers):
            return self.error(401, "There is no valid session established with the implementation.", "NoValidSession")
        if path.startswith(ROOT + "/SessionService/Sessions/") and method == "DELETE":
            return self.log_out(path.rsplit("/", 1)[1])
        handler = getattr(self, "on_" + method.lower(), None)
        reply = handler and handler(path, headers, body)
        return reply or self.error(404, f"The resource at the URI {path} was not found.", "ResourceMissingAtURI")

    def root(self):
        return {
            "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
            "@odata.id": ROOT + "/",
            "RedfishVersion": "1.17.0",
            "Systems": {"@odata.id": ROOT + "/Systems"},
            "Managers": {"@odata.id": ROOT + "/Managers"},
            "SessionService": {"@odata.id": ROOT + "/SessionService"},
            "Links": {"Sessions": {"@odata.id": ROOT + "/SessionService/Sessions"}},
        }

    def log_in(self, body):
        if (body or {}).get("UserName") != self.user or body.get("Password") != self.password:
            return self.error(401, "The user name or password is not right.", "ResourceAtUriUnauthorized")
        self.had_sessions += 1
        number = str(self.had_sessions)
        self.sessions[number] = secrets.token_hex(16)
        location = f"{ROOT}/SessionService/Sessions/{number}"
        return 201, {"@odata.id": location, "Id": number}, {"X-Auth-Token": self.sessions[number], "Location": location}

    def log_out(self, number):
        if self.sessions.pop(number, None) is None:
            return self.error(404, "There is no such session.", "ResourceMissingAtURI")
        return 204, None, {}

    # What there is.

    def on_get(self, path, _headers, _body):
        if path == SYSTEM:
            return 200, self.system(), {"ETag": self.etag()}
        found = {
            ROOT + "/Systems": self.page([SYSTEM, *self.other_systems], 0),
            ROOT + "/Systems?$skip=1": self.page([SYSTEM, *self.other_systems], 1),
            SYSTEM + "/Processors": {"Members": [{"@odata.id": SYSTEM + "/Processors/CPU0"}]},
            SYSTEM + "/Processors/CPU0": {"ProcessorArchitecture": "ARM", "InstructionSet": self.instruction_set, "TotalCores": 1},
            ROOT + "/Managers/BMC": {"Id": "BMC", "VirtualMedia": {"@odata.id": ROOT + "/Managers/BMC/VirtualMedia"}},
            ROOT + "/Managers/BMC/VirtualMedia": {"Members": [{"@odata.id": ROOT + "/Managers/BMC/VirtualMedia/CD1"}]},
            ROOT + "/Managers/BMC/VirtualMedia/CD1": self.drive(),
        }.get(path)
        if path in self.other_systems:
            found = {"@odata.id": path, "Id": path.rsplit("/", 1)[1], "Name": "another", "PowerState": "Off"}
        return (200, found, {}) if found else None

    @staticmethod
    def page(members, skip):
        page = {"Members@odata.count": len(members), "Members": [{"@odata.id": path} for path in members[skip : skip + 1]]}
        if len(members) > skip + 1:
            page["Members@odata.nextLink"] = f"{ROOT}/Systems?$skip={skip + 1}"
        return page

    def etag(self):
        return f'W/"{self.version}"'

    def system(self):
        on = self.machine.is_on()
        return {
            "@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem",
            "@odata.id": SYSTEM,
            "@odata.etag": self.etag(),
            "Id": "437XR1138R2",
            "Name": "WebFrontEnd483",
            "Model": "3500",
            "SystemType": "Physical",
            "PowerState": "On" if on else "Off",
            "BootProgress": {"LastState": self.progress() if on else "None"},
            "Boot": {
                "BootSourceOverrideEnabled": self.override["Enabled"],
                "BootSourceOverrideTarget": self.override["Target"],
                "BootSourceOverrideTarget@Redfish.AllowableValues": self.targets,
                "BootSourceOverrideMode": "UEFI",
                "HttpBootUri": self.override["Uri"],
            },
            "MemorySummary": {"TotalSystemMemoryGiB": self.memory_gib},
            "ProcessorSummary": {"Count": 1, "Model": "Cortex-A72"},
            "Processors": {"@odata.id": SYSTEM + "/Processors"},
            "SerialConsole": {
                "MaxConcurrentSessions": 1,
                "SSH": {"ServiceEnabled": self.ssh_port is not None, "Port": self.ssh_port or 22},
                "IPMI": {"ServiceEnabled": self.ipmi_port is not None, "Port": self.ipmi_port or 623},
            },
            "Links": {"ManagedBy": [{"@odata.id": ROOT + "/Managers/BMC"}]},
            "Actions": {
                "#ComputerSystem.Reset": {
                    "target": SYSTEM + "/Actions/ComputerSystem.Reset",
                    "ResetType@Redfish.AllowableValues": RESETS,
                }
            },
        }

    def progress(self):
        """As real BMCs know it from the firmware's codes; here from the console."""
        said = self.machine.console()
        if "kiln: up" in said:
            return "OSRunning"
        return "OSBootStarted" if "Linux version" in said else "SystemHardwareInitializationComplete"

    def drive(self):
        path = ROOT + "/Managers/BMC/VirtualMedia/CD1/Actions/VirtualMedia."
        return {
            "MediaTypes": ["CD", "DVD"],
            "Image": self.image,
            "Inserted": self.image is not None,
            "Actions": {"#VirtualMedia.InsertMedia": {"target": path + "InsertMedia"}, "#VirtualMedia.EjectMedia": {"target": path + "EjectMedia"}},
        }

    # What can be changed.

    def on_patch(self, path, headers, body):
        if path != SYSTEM:
            return None
        if headers.get("If-Match") is None:
            return self.error(428, "A precondition header is required.", "PreconditionRequired")
        if headers["If-Match"] != self.etag():
            return self.error(412, "The ETag supplied did not match.", "PreconditionFailed")
        boot = (body or {}).get("Boot", {})
        target = boot.get("BootSourceOverrideTarget", self.override["Target"])
        if target not in self.targets:
            message = f"The value {target} for the property BootSourceOverrideTarget is not in the list of acceptable values."
            return self.error(400, message, "PropertyValueNotInList")
        if target == "UefiHttp" and not boot.get("HttpBootUri"):
            return self.error(400, "HttpBootUri is needed.", "PropertyMissing")
        self.override = {"Enabled": boot.get("BootSourceOverrideEnabled", "Once"), "Target": target, "Uri": boot.get("HttpBootUri", "")}
        self.version += 1
        return 200, self.system(), {"ETag": self.etag()}

    def on_post(self, path, _headers, body):
        if path == SYSTEM + "/Actions/ComputerSystem.Reset":
            return self.reset((body or {}).get("ResetType"))
        if path.endswith("/VirtualMedia.InsertMedia"):
            if self.image is not None:
                return self.error(400, "There is a medium in the drive.", "ResourceInUse")
            self.image = body["Image"]
            return 204, None, {}
        if path.endswith("/VirtualMedia.EjectMedia"):
            self.image = None
            return 204, None, {}
        return None

    def reset(self, kind):
        if kind not in RESETS:
            return self.error(400, f"The value {kind} for ResetType is not in the list of acceptable values.", "ActionParameterNotSupported")
        if kind in ("ForceOff", "ForceRestart", "GracefulShutdown"):
            self.machine.switch_off()
        if kind in ("On", "ForceRestart"):
            self.machine.switch_on(self.boot_source())
        return 204, None, {}

    def boot_source(self):
        """What the firmware boots now; an override for one boot is used up."""
        target, uri = self.override["Target"], self.override["Uri"]
        if self.override["Enabled"] == "Disabled":
            return None
        if self.override["Enabled"] == "Once":
            self.override = {"Enabled": "Disabled", "Target": "None", "Uri": ""}
            self.version += 1
        if target == "Pxe":
            return self.pxe_script
        if target == "UefiHttp":
            return self.http_boot(uri)
        return self.image if target == "Cd" else None

    def http_boot(self, uri):
        """UEFI HTTP boot: the firmware fetches an EFI program and starts it. An iPXE started so asks DHCP for its script."""
        path = os.path.join(self.directory, "http-boot.efi")
        with urllib.request.urlopen(uri, timeout=30) as reply, open(path, "wb") as stream:
            stream.write(reply.read())
        with open(path, "rb") as stream:
            is_program = stream.read(2) == b"MZ"
        return f"file:{path} {self.pxe_script}" if is_program else None

    def stop(self):
        self.machine.switch_off()
        super().stop()
