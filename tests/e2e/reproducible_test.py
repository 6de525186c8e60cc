#!/usr/bin/env python3
"""The same inputs give the same bytes, whoever builds, where, when and with how many threads."""

import hashlib
import os
import pwd
import shutil
import stat
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln, samples


class Reproducible(case.Case):
    def setUp(self):
        super().setUp()
        self.images = samples.everything()
        self.configuration = self.write_system(samples.system())
        self.seed = self.path("seed")  # a store that has the images and nothing made of them
        self.store_images(self.images, self.seed)

    def digests(self, *options, fresh=True, builder=None, **more):
        """Builds everything, by default in a store that has only the images; name: SHA-256 of the outputs."""
        builder = builder or self.kiln
        if fresh:
            shutil.rmtree(builder.store, ignore_errors=True)
            shutil.copytree(self.seed, builder.store)
        for name in os.listdir(builder.out):
            os.unlink(os.path.join(builder.out, name))
        self.succeeds(builder.build(self.configuration, "-f", "tar,kernel+initrd", *options, **more))
        return {name: hashlib.sha256(data).hexdigest() for name, data in builder.outputs().items()}

    def test_threads_and_store(self):
        """any number of threads, a fresh store or a warm one"""
        reference = self.digests("-j", "1")
        self.assertEqual(sorted(reference), ["os-cmdline", "os-initrd.img", "os-kernel", "os.tar"])
        for jobs in (2, 5):
            self.assertEqual(self.digests("-j", jobs), reference, f"-j {jobs}")
        self.checked("-j 1, 2 and 5 give the same bytes")
        self.assertEqual(self.digests("-j", 2, fresh=False), reference)
        shutil.rmtree(os.path.join(self.kiln.store, "kiln", "builds"), ignore_errors=True)
        self.assertEqual(self.digests("-j", 2, fresh=False), reference)
        self.checked("a warm store gives the bytes of a fresh one, with and without the memory of the whole build")
        changed = samples.system()
        changed["services"][0]["env"] = ["A=1"]
        other = self.write_system(changed, "other.yml")
        self.succeeds(self.kiln.build(other, name="other"))
        os.unlink(os.path.join(self.kiln.out, "other-initrd.img"))
        for left in ("other-kernel", "other-cmdline"):
            os.unlink(os.path.join(self.kiln.out, left))
        self.assertEqual(self.digests("-j", 2, fresh=False), reference)
        self.checked("so does one in which something else was built in between")

    def test_surroundings(self):
        """time zone, locale, umask, directory"""
        reference = self.digests()
        for name, value in (("TZ", "Pacific/Kiritimati"), ("TZ", "America/St_Johns"), ("LC_ALL", "tr_TR.UTF-8"), ("LC_ALL", "POSIX")):
            self.assertEqual(self.digests(env={name: value}), reference, f"{name}={value}")
        self.checked("TZ and LC_ALL do not matter")
        for umask in ("000", "077"):
            self.assertEqual(self.digests(prefix=["sh", "-c", f'umask {umask}; exec "$@"', "sh"]), reference, umask)
        self.checked("nor does the umask")
        elsewhere = kiln.Kiln(self.path("else", "where with a space"))
        self.assertEqual(self.digests(builder=elsewhere, cwd="/"), reference)
        self.checked("nor the directories of store, home and outputs, nor the current one")

    def test_days(self):
        """the day"""
        self.needs("faketime")
        reference = self.digests()
        for day in ("2001-02-03 04:05:06", "2040-12-31 23:59:59"):
            self.assertEqual(self.digests(prefix=["faketime", "-f", "@" + day]), reference, day)
        self.checked("a build in 2001 and one in 2040 give the bytes of today's")

    def test_user(self):
        """another user, in a world-readable copy of Kiln"""
        self.needs("setpriv")
        self.needs_root("become another user")
        reference = self.digests()
        with open_directory() as place:
            program = install(place)
            other = kiln.Kiln(os.path.join(place, "work"), program)
            configuration = shutil.copy(self.configuration, place)
            os.chmod(configuration, 0o644)
            shutil.copytree(self.seed, other.store)
            user = pwd.getpwnam("nobody")
            for directory, names, files in os.walk(os.path.join(place, "work")):
                for path in [directory, *(os.path.join(directory, name) for name in names + files)]:
                    os.chown(path, user.pw_uid, user.pw_gid)
            self.configuration = configuration
            prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            self.assertEqual(self.digests(builder=other, fresh=False, prefix=prefix), reference)
        self.checked(f"the user nobody gets the bytes that {pwd.getpwuid(os.geteuid()).pw_name} gets")


def open_directory():
    """A temporary directory that everybody may enter: the build tree may lie in somebody's home."""
    place = tempfile.TemporaryDirectory(prefix="kiln-test-")
    os.chmod(place.name, 0o755)
    return place


def install(place):
    """A copy of the program, as another user can run it."""
    os.makedirs(os.path.join(place, "bin"))
    program = shutil.copy(kiln.PROGRAM, os.path.join(place, "bin", "kiln"))
    os.chmod(program, stat.S_IRUSR | stat.S_IXUSR | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    return program


if __name__ == "__main__":
    case.main()
