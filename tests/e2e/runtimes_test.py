#!/usr/bin/env python3
"""runc and crun accept every config.json Kiln writes: they create the containers, which is more than parsing them."""

import json
import os
import resource
import shutil
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from golden_test import GOLDEN, golden_images
from kiln_test import case, tarball

# Where a container needs something of the machine it is made for, the test puts something of its own in the place.
ADJUSTED = "with bind sources, namespace paths and limits that exist on this machine"


def in_namespace(command):
    """In a mount namespace of its own, without the second cgroup hierarchy of hybrid hosts, which crun refuses."""
    script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
    return ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh", *command]


# In the order of their numbers (linux/capability.h).
CAPABILITIES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE
SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM
BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()


def own_capabilities():
    with open("/proc/self/status", encoding="ascii") as stream:
        bits = next(int(line.split()[1], 16) for line in stream if line.startswith("CapEff:"))
    return {"CAP_" + name for number, name in enumerate(CAPABILITIES) if bits >> number & 1}


class Runtimes(case.Case):
    def setUp(self):
        super().setUp()
        self.needs_root("create containers")

    def bundles(self):
        """name: config.json of every container of the golden system, of the defaults, and of ours."""
        self.store_images(golden_images())
        self.write("here/id_rsa.pub", "key\n")
        result = self.kiln.build(os.path.join(GOLDEN, "full.yml"), "-f", "tar", arch="amd64", cwd=self.path("here"))
        self.succeeds(result)
        tar = os.path.join(self.kiln.out, "os.tar")
        return {
            path.split("/")[2]: json.loads(tarball.content(tar, path))
            for path in tarball.read(tar)
            if path.endswith("/config.json") and path.count("/") == 3
        }

    def adjust(self, config):
        for mount in config["mounts"]:
            # /dev and /sys are the kernel's; the other sources are files of the guest.
            if mount["type"] == "bind" and mount["source"] not in ("/dev", "/sys"):
                mount["source"] = self.path("bound")
        for namespace in config["linux"]["namespaces"]:
            namespace.pop("path", None)
        self.reduce_to_own_privileges(config["process"])
        if "hostname" in config:
            # The golden YAML names a host without `uts: new`. LinuxKit writes that down as it is, and so does Kiln, but no
            # runtime lets a container rename the machine.
            config["linux"]["namespaces"].append({"type": "uts"})
        return config

    def reduce_to_own_privileges(self, process):
        """A test that itself runs in a container may have fewer capabilities than a machine's root, and passes on none it
        lacks; with all of them this changes nothing."""
        own = own_capabilities()
        for names in process["capabilities"].values():
            names[:] = [name for name in names if name in own]
        if "CAP_SYS_RESOURCE" in own:
            return
        for limit in process.get("rlimits", []):
            hardest = resource.getrlimit(getattr(resource, limit["type"]))[1]
            if hardest != resource.RLIM_INFINITY:
                limit["hard"], limit["soft"] = min(limit["hard"], hardest), min(limit["soft"], hardest)
        if process.get("oomScoreAdj", 0) < 0:
            process["oomScoreAdj"] = 1000

    def bundle(self, name, config):
        """A bundle with a root file system in which every program the container may name is there: this machine's."""
        directory = self.path("bundles", name)
        root = os.path.join(directory, "rootfs")
        for path in ("bin", "dev", "proc", "sys", "etc", "tmp", "run", "data"):
            os.makedirs(os.path.join(root, path), exist_ok=True)
        for mount in config["mounts"]:
            target = os.path.join(root, mount["destination"].lstrip("/"))
            os.makedirs(target, exist_ok=True)
        program = config["process"]["args"][0]
        target = os.path.join(root, program.lstrip("/") if program.startswith("/") else "bin/" + program)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy("/bin/true", target)
        for path in [config["process"]["cwd"]]:
            os.makedirs(os.path.join(root, path.lstrip("/")), exist_ok=True)
        with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as stream:
            json.dump(config, stream)
        return directory

    def create(self, runtime, name, config):
        """Creates and deletes; the error, or nothing. The container never starts its program."""
        bundle = self.bundle(f"{runtime}-{name}", config)
        container = "kiln-test-" + uuid.uuid4().hex[:12]
        state = self.path("state", runtime)
        script = '"$1" --root "$2" create --bundle "$3" "$4" && "$1" --root "$2" delete --force "$4"'
        command = in_namespace(["sh", "-c", script, "sh", runtime, state, bundle, container])
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        return result.stderr.decode("utf-8", "replace") if result.returncode else ""

    def trivial(self):
        return {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"]},
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
        }

    def accepts(self, runtime):
        self.needs(runtime, "unshare")
        if problem := self.create(runtime, "trivial", self.trivial()):
            self.skipTest(f"{runtime} cannot create even a trivial container here: {problem.strip()}")
        current = {**self.trivial(), "ociVersion": "1.2.1"}
        old = "unknown version" in self.create(runtime, "current", current)
        if old:
            # Debian 12's crun 1.8 knows 1.0 alone. The one in the guest is newer, and the boots show what it takes.
            print(f"  note: this {runtime} refuses ociVersion 1.2.1 as such; it gets the same content as 1.0.2")
        os.makedirs(self.path("bound"))
        problems = {}
        bundles = self.bundles()
        self.assertEqual(len(bundles), 8, sorted(bundles))
        for name, config in bundles.items():
            if old:
                config["ociVersion"] = "1.0.2"
            if problem := self.create(runtime, name, self.adjust(config)):
                problems[name] = problem
        self.assertEqual(problems, {})
        self.checked(f"{runtime} created {', '.join(sorted(bundles))} ({ADJUSTED})")
        broken = self.trivial()
        broken["mounts"].append({"destination": "/data", "type": "no-such-file-system", "source": "none"})
        self.assertNotEqual(self.create(runtime, "broken", broken), "")
        self.checked(f"{runtime} does refuse a config.json that is wrong")

    def test_runc(self):
        """runc creates every container of the golden system"""
        self.accepts("runc")

    def test_crun(self):
        """crun creates every container of the golden system"""
        self.accepts("crun")


if __name__ == "__main__":
    case.main()
