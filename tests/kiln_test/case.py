"""The frame of every end-to-end test: a directory of its own, a report of what was checked, skips that are heard."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from kiln_test import kiln, yaml
from kiln_test.layout import Layout

SKIPPED = 77  # ctest's SKIP_RETURN_CODE (tests/CMakeLists.txt)
WORK = os.path.abspath(os.environ.get("KILN_TEST_WORK", os.path.join(os.path.dirname(kiln.PROGRAM), "../tests-work")))


class Case(unittest.TestCase):
    """A test with self.kiln in the directory self.work, which is removed if the test succeeds."""

    maxDiff = None

    def setUp(self):
        parent = os.path.join(WORK, os.path.splitext(os.path.basename(sys.argv[0]))[0])
        os.makedirs(parent, exist_ok=True)
        self.work = tempfile.mkdtemp(prefix=self._testMethodName + "-", dir=parent)
        self.addCleanup(self._remove_work)
        self.kiln = kiln.Kiln(self.work)

    def has_failed(self):
        result = self._outcome.result
        return any(getattr(test, "test_case", test) is self for test, _ in result.failures + result.errors)

    def _remove_work(self):
        if self.has_failed():
            print(f"  what it left is in {self.work}")
        else:
            shutil.rmtree(self.work, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.work, *names)

    def write(self, name, content):
        """A file below self.work; returns its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        return path

    def store_images(self, images, store=None):
        """Puts name: image.Image into the store, without Kiln."""
        layout = Layout(store or self.kiln.store)
        for name, image in images.items():
            layout.add(name, image)
        return layout

    def write_system(self, configuration, name="os.yml"):
        """The configuration as a YAML file; returns its path."""
        return self.write(name, yaml.dump(configuration))

    def checked(self, what):
        print(f"  checked: {what}", flush=True)

    def succeeds(self, result):
        self.assertEqual(result.status, 0, f"it failed:\n{result}")
        return result

    def fails_with(self, result, stderr, status=1):
        """The whole message, not a part of it."""
        self.assertEqual((result.stderr, result.status), (stderr, status), f"not the failure that was expected:\n{result}")

    def needs(self, *programs):
        for program in programs:
            if shutil.which(program) is None:
                self.skipTest(f"{program} is not installed")
            if program in ("buildah", "podman"):
                self.needs_mounted_root()

    def needs_mounted_root(self):
        """What root's new mount namespaces begin with: a remount of "/", which a chroot's need not be."""
        mounts = (line.split()[4] for line in open("/proc/self/mountinfo", encoding="utf-8"))
        if os.geteuid() == 0 and "/" not in mounts:
            self.skipTest('"/" is not a mount point: mount --rbind the directory of this chroot onto itself before you enter it')

    def needs_root(self, what_for):
        if os.geteuid() != 0:
            self.skipTest(f"only root can {what_for}")

    def tool(self, *command, **more):
        """Runs a foreign program that must succeed; its standard output."""
        result = subprocess.run(list(map(str, command)), capture_output=True, **more)
        self.assertEqual(result.returncode, 0, f"{' '.join(map(str, command))}: {result.stderr.decode('utf-8', 'replace')}")
        return result.stdout


class _Result(unittest.TextTestResult):
    def startTest(self, test):
        unittest.TestResult.startTest(self, test)
        self.began = time.monotonic()
        print(f"{test._testMethodName}: {(test._testMethodDoc or '').strip().splitlines()[0]}", flush=True)

    def _say(self, outcome):
        print(f"  {outcome} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self._say("passed")

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        self._say("FAILED")

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        self._say("FAILED")

    def addSubTest(self, test, subtest, err):
        unittest.TestResult.addSubTest(self, test, subtest, err)
        if err is not None:
            print(f"  FAILED: {subtest}", flush=True)

    def addSkip(self, test, reason):
        unittest.TestResult.addSkip(self, test, reason)
        print(f"  SKIPPED: {reason}", flush=True)


def main():
    """Runs the tests of the calling script; those named on the command line, or all."""
    sys.stdout.reconfigure(line_buffering=True)
    runner = unittest.TextTestRunner(sys.stdout, resultclass=_Result, verbosity=0)
    program = unittest.main(module="__main__", testRunner=runner, exit=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun == len(result.skipped) else 0)
