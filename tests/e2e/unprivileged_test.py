#!/usr/bin/env python3
"""A build needs no root, no network once the images are there, no Docker, and leaves nothing but store and outputs."""

import os
import pwd
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from kiln_test import case, kiln, samples
from reproducible_test import install, open_directory


def listing(root, without=()):
    """path: (size, mtime) of everything below a directory."""
    found = {}
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if os.path.join(directory, name) not in without]
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns if not os.path.isdir(path) else 0)
    return found


class Unprivileged(case.Case):
    def test_nobody_without_network(self):
        """an unprivileged user in an empty network namespace, with no capability and nothing to gain any by"""
        self.needs("setpriv", "unshare")
        self.needs_root("become another user")
        with open_directory() as place:
            builder = kiln.Kiln(os.path.join(place, "work"), install(place))
            self.store_images(samples.everything(), builder.store)
            configuration = os.path.join(builder.directory, "os.yml")
            shutil.copy(self.write_system(samples.system()), configuration)
            user = pwd.getpwnam("nobody")
            for directory, names, files in os.walk(builder.directory):
                for path in [directory, *(os.path.join(directory, name) for name in names + files)]:
                    os.chown(path, user.pw_uid, user.pw_gid)
            prefix = ["unshare", "--net", "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            prefix += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
            self.succeeds(builder.build(configuration, "-f", "tar,kernel+initrd", prefix=prefix))
            self.assertEqual(sorted(os.listdir(builder.out)), ["os-cmdline", "os-initrd.img", "os-kernel", "os.tar"])
        self.checked("device nodes, foreign owners, set-id files and capabilities were built without any privilege")

    def test_leaves_nothing(self):
        """home, temporary and current directory are as they were; store and outputs hold no temporaries"""
        self.store_images(samples.everything())
        configuration = self.write_system(samples.system())
        here = self.path("here")
        os.mkdir(here)
        before = listing(self.work, without=[self.kiln.store, self.kiln.out])
        self.succeeds(self.kiln.build(configuration, "-f", "tar,kernel+initrd", cwd=here))
        self.succeeds(self.kiln.run("build", "--arch", "amd64", configuration, cwd=self.kiln.out))
        after = listing(self.work, without=[self.kiln.store, self.kiln.out])
        self.assertEqual(after, before)
        self.checked("nothing is new or changed outside the store and the outputs")
        left = [path for path in [*listing(self.kiln.store), *listing(self.kiln.out)] if path.endswith(".tmp")]
        self.assertEqual(left, [])
        self.checked("no temporary is left in them")

    def test_system_calls(self):
        """it opens nothing for writing outside its store and outputs, connects to nothing, starts no program"""
        self.needs("strace")
        self.store_images(samples.everything())
        configuration = self.write_system(samples.system())
        trace = self.path("trace")
        prefix = ["strace", "-f", "-o", trace, "-e", "trace=openat,open,creat,mkdir,mkdirat,connect,execve,mknod,mknodat,chown,mount"]
        result = self.kiln.build(configuration, "-f", "tar,kernel+initrd", prefix=prefix)
        if "ptrace" in result.stderr and result.status != 0:
            self.skipTest("strace may not trace here")
        self.succeeds(result)
        with open(trace, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
        allowed = (self.kiln.store, self.kiln.out)
        wrong = []
        for line in lines:
            call = re.search(r'\d+\s+(\w+)\((?:AT_FDCWD, )?"?([^",)]*)', line)
            if not call or line.endswith("resumed>"):
                continue
            name, path = call.groups()
            if name in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT", line):
                continue
            if name == "execve" and "= 0" in line and path == self.kiln.program:
                continue
            if name.startswith("mkdir") and "EEXIST" in line:
                continue
            if not path.startswith(allowed):
                wrong.append(line)
        self.assertEqual(wrong, [])
        self.checked(f"{len(lines)} system calls that open, create, connect or execute: all within store and outputs")


if __name__ == "__main__":
    case.main()
