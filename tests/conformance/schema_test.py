#!/usr/bin/env python3
"""Kiln accepts and refuses the types that LinuxKit's JSON schema does: every key with every kind of value.

The schema is written down once more, from the tables of spec yaml.md §2-7 and §11. A document has one line for each key
and kind of value; the places of Kiln's mistakes tell which lines it refuses.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case

# What a key takes. A dictionary is a closed object, a list with one element is a list of that.
STR, BOOL, INT, MAP = "string", "boolean", "integer", "map of strings"
ID = "string or integer"

ID_MAPPING = {"hostID": INT, "containerID": INT, "size": INT}
MOUNT = {
    "destination": STR, "type": STR, "source": STR, "options": [STR], "uidmappings": [ID_MAPPING], "gidmappings": [ID_MAPPING],
}  # fmt: skip
DEVICE = {"path": STR, "type": STR, "major": INT, "minor": INT, "mode": STR}
RULE = {"allow": BOOL, "type": STR, "major": INT, "minor": INT, "access": STR}
THROTTLE = [{"major": INT, "minor": INT, "rate": INT}]
RESOURCES = {
    "devices": [RULE],
    "memory": {
        "limit": INT, "reservation": INT, "swap": INT, "kernel": INT, "kernelTCP": INT, "swappiness": INT, "disableOOMKiller": BOOL,
    },
    "cpu": {
        "shares": INT, "quota": INT, "period": INT, "realtimeRuntime": INT, "realtimePeriod": INT, "cpus": STR, "mems": STR,
    },
    "pids": {"limit": INT},
    "blockio": {
        "weight": INT, "leafWeight": INT,
        "weightDevice": [{"major": INT, "minor": INT, "weight": INT, "leafWeight": INT}],
        "throttleReadBpsDevice": THROTTLE, "throttleWriteBpsDevice": THROTTLE,
        "throttleReadIOPSDevice": THROTTLE, "throttleWriteIOPSDevice": THROTTLE,
    },
    "hugepageLimits": [{"limit": INT}],  # pageSize: see DIFFERENT
    "network": {"classID": INT, "priorities": [{"name": STR, "priority": INT}]},
}  # fmt: skip
RUNTIME = {
    "cgroups": [STR], "mounts": [MOUNT], "mkdir": [STR],
    "interfaces": [{"name": STR, "add": STR, "peer": STR, "createInRoot": BOOL}],
    "bindNS": {"cgroup": STR, "ipc": STR, "mnt": STR, "net": STR, "pid": STR, "user": STR, "uts": STR},
    "namespace": STR,
}  # fmt: skip
CONTAINER = {
    "capabilities": [STR], "capabilities.add": [STR], "ambient": [STR], "mounts": [MOUNT], "binds": [STR], "binds.add": [STR],
    "devices": [DEVICE], "tmpfs": [STR], "command": [STR], "env": [STR], "cwd": STR, "net": STR, "ipc": STR, "uts": STR,
    "pid": STR, "userns": STR, "hostname": STR, "readonly": BOOL, "maskedPaths": [STR], "readonlyPaths": [STR], "uid": ID,
    "gid": ID, "additionalGids": [ID], "noNewPrivileges": BOOL, "oomScoreAdj": INT, "rootfsPropagation": STR, "cgroupsPath": STR,
    "resources": RESOURCES, "sysctl": MAP, "rlimits": [STR], "uidMappings": [ID_MAPPING], "gidMappings": [ID_MAPPING],
    "annotations": MAP, "runtime": RUNTIME,
}  # fmt: skip
FILE = {
    "path": STR, "directory": BOOL, "symlink": STR, "contents": STR, "source": STR, "optional": BOOL, "mode": STR, "uid": ID, "gid": ID,
}  # fmt: skip
VOLUME = {"name": STR, "image": STR, "readonly": BOOL, "platforms": [STR]}
KERNEL = {"image": STR, "cmdline": STR, "binary": STR, "tar": STR, "ucode": STR}

VALUES = ['"1"', "text", "2017-04-18", "yes", "1", "0x1f", "-1", "1.5", "true", "False", "null", "~", "[]", '["1"]', "[1]", "[[]]",
          "[null]", "[{}]", "{}", '{a: "1"}', "{a: 1}", "{a: null}"]  # fmt: skip

# Refused by Kiln beyond the types (docs/linuxkit.md, "Deliberate differences"; the mode of a file is checked by LinuxKit later).
DIFFERENT = re.compile(
    r"(uid|gid|hostID|containerID|size|swappiness|shares|period|realtimePeriod|weight|leafWeight|rate|classID|priority): -1"
    r"|hugepageLimits: \[\{limit: -1|additionalGids: \[-1"
    r'|mode: (text|2017-04-18|yes)|name: (text|yes|2017-04-18)'
)


def accepts(kind, value):
    """Whether the schema takes the YAML value, one of VALUES."""
    is_text = value in ('"1"', "text", "2017-04-18", "yes")
    is_integer = value in ("1", "0x1f", "-1")
    if kind == STR:
        return is_text
    if kind == INT:
        return is_integer
    if kind == ID:
        return is_text or is_integer
    if kind == BOOL:
        return value in ("true", "False")
    if kind == MAP:
        return value in ("{}", '{a: "1"}')
    if isinstance(kind, dict):
        return value == "{}"
    if value == "[]":
        return True
    inner = {'["1"]': '"1"', "[1]": "1", "[[]]": "[]", "[{}]": "{}"}.get(value)
    return inner is not None and accepts(kind[0], inner)


def lines(schema, around):
    """(line of YAML, whether it is accepted) of every key below a schema; around(text) puts "key: value" in its place."""
    for key, kind in schema.items():
        for value in VALUES:
            yield around(f"{key}: {value}"), accepts(kind, value)
        if isinstance(kind, dict):
            yield from lines(kind, lambda text, key=key: around(f"{key}: {{{text}}}"))
        if isinstance(kind, list) and isinstance(kind[0], dict):
            yield from lines(kind[0], lambda text, key=key: around(f"{key}: [{{{text}}}]"))
    yield around("nosuch: 1"), False


class Schema(case.Case):
    def check(self, name, rows, head):
        """One document for all rows; the lines in which Kiln sees mistakes must be those the schema refuses."""
        rows = list(rows)
        document = self.write("os.yml", head + "\n" + "".join(row + "\n" for row, _ in rows))
        result = self.kiln.run("build", "--dry-run", document)
        refused = {int(match[1]) for match in re.finditer(r"os\.yml:(\d+):", result.stderr)}
        wrong = []
        for number, (row, accepted) in enumerate(rows, 2):
            if accepted == (number in refused) and not (accepted and DIFFERENT.search(row)):
                wrong.append(f"{row}: the schema {'accepts' if accepted else 'refuses'} it, Kiln does not")
        self.assertEqual(wrong, [], result.stderr[:2000] if not refused else "")
        self.checked(f"{name}: {len(rows)} keys with values, {sum(not accepted for _, accepted in rows)} of them refused")

    def test_containers(self):
        """every key of a container, and of what is in it"""
        for section in ("onboot", "onshutdown", "services"):
            count = iter(range(100_000))
            self.check(section, lines(CONTAINER, lambda text: f"- {{name: n{next(count)}, image: a, {text}}}"), section + ":")

    def test_files(self):
        """every key of a file"""
        def around(text):
            key = text.split(":")[0]
            base = {"path": 'contents: ""', "optional": "path: p, source: s"}.get(key, "path: p")
            if key in ("mode", "uid", "gid", "nosuch"):
                base = 'path: p, contents: ""'
            # `directory: false` leaves nothing to put there.
            return f"- {{{base}, {text}{', symlink: x' if text == 'directory: False' else ''}}}"

        self.check("files", lines(FILE, around), "files:")

    def test_volumes(self):
        """every key of a volume"""
        count = iter(range(1000))
        around = lambda text: f"- {{{text}}}" if text.startswith("name") else f"- {{name: v{next(count)}, {text}}}"
        self.check("volumes", lines(VOLUME, around), "volumes:")

    def test_kernel_and_sections(self):
        """the kernel's keys, and the sections themselves, a file for each"""
        rows = list(lines(KERNEL, lambda text: f"kernel: {{{text}}}"))
        sections = {"kernel": {}, "init": [STR], "onboot": [{}], "onshutdown": [{}], "services": [{}], "files": [{}], "volumes": [{}]}
        for section, kind in sections.items():
            # An element of these lists needs keys, so [{}] is refused for them.
            rows += [(f"{section}: {value}", accepts(kind, value) and value != "[{}]") for value in VALUES]
        rows += [(f"trust: {{{key}: {value}}}", accepts([STR], value)) for key in ("image", "org") for value in VALUES]
        files = [self.write(f"{number}.yml", row + "\n") for number, (row, _) in enumerate(rows)]
        result = self.kiln.run("build", "--dry-run", *files)
        refused = {int(match[1]) for match in re.finditer(r"/(\d+)\.yml:", result.stderr)}
        wrong = [row for number, (row, accepted) in enumerate(rows) if accepted == (number in refused)]
        self.assertEqual(wrong, [])
        self.checked(f"{len(rows)} documents, {sum(not accepted for _, accepted in rows)} of them refused")


if __name__ == "__main__":
    case.main()
