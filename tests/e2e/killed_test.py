#!/usr/bin/env python3
"""Builds that are killed at random moments, alone or two at once, leave a store from which the next build is right."""

import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, samples
from kiln_test.registry import DockerRegistry

KILLS = 60


class Killed(case.Case):
    def test_killed_at_random(self):
        """60 builds that pull, index and render are killed; the store stays valid and the last build right"""
        self.needs("docker-registry")
        registry = DockerRegistry(self.path("registry"))
        self.addCleanup(registry.stop)
        images = {}
        for name, image in samples.everything().items():
            images[name] = name.replace("example.org", registry.host)
            registry.push(name.removeprefix("example.org/"), image)
        text = samples.system()
        configuration = self.write_system(_renamed(text, images))

        reference = self.build_right(configuration, store=self.path("other-store"))
        # The whole duration, in a fresh store: the delays are spread over it, and a little beyond.
        began = time.monotonic()
        self.succeeds(self.kiln.build(configuration, "-f", "tar,kernel+initrd", store=self.path("third-store")))
        duration = time.monotonic() - began

        delays = random.Random(os.environ.get("KILN_TEST_SEED", "kill"))
        killed = ended = store = rounds = 0
        while killed < KILLS:
            rounds += 1
            self.assertLess(rounds, 10 * KILLS, "builds end before they can be killed")
            if rounds % 4 == 1:  # from the beginning again, so that every phase of a build is hit
                store += 1
                self.kiln.store = self.path(f"store-{store}")
                longest = duration * 1.05
            started = [self.start(configuration) for _ in range(2 if rounds % 3 == 0 else 1)]
            time.sleep(delays.uniform(0, longest))
            for process in started:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    killed += 1
                else:
                    # What this store has is not done again: the next build in it takes less time.
                    longest /= 2
                    ended += 1
            for process in started:
                process.wait()
            self.assertEqual(self.layout().problems(), [], f"after round {rounds}")
        self.checked(f"{killed} builds were killed within {duration:.1f} s of their start ({ended} had ended)")
        self.checked("after each, every blob in the store has its digest and every name its blobs")

        for number in range(1, store + 1):
            self.kiln.store = self.path(f"store-{number}")
            self.assertEqual(self.build_right(configuration), reference)
            self.assertEqual(self.layout().problems(), [])
            self.assertEqual(self.temporaries(), [])
            verified = self.succeeds(self.kiln.run("cache", "verify"))
            self.assertEqual(verified.stderr, "")
        self.checked(f"the next build in each of the {store} stores gives the bytes of an undisturbed one")
        self.checked("kiln cache verify agrees")
        self.checked("and no temporary of a killed build is left in store or outputs")

    def test_two_at_once(self):
        """two builds that share store and outputs both succeed"""
        self.store_images(samples.everything())
        configuration = self.write_system(samples.system())
        processes = [self.start(configuration, stderr=subprocess.PIPE) for _ in range(2)]
        for process in processes:
            _, stderr = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, stderr)
        together = self.kiln.outputs()
        alone = self.build_right(configuration, store=self.copy_of_images())
        self.assertEqual({name: data for name, data in together.items()}, alone)
        self.checked("the outputs are those of a build alone")

    def copy_of_images(self):
        store = self.path("alone")
        self.store_images(samples.everything(), store)
        return store

    def start(self, configuration, stderr=subprocess.DEVNULL):
        return self.kiln.start(
            "build", "--arch", "amd64", "--name", "os", "--dir", self.kiln.out, "-f", "tar,kernel+initrd", configuration,
            stdout=subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip

    def build_right(self, configuration, store=None):
        for name in os.listdir(self.kiln.out):
            if not name.startswith("."):
                os.unlink(os.path.join(self.kiln.out, name))
        self.succeeds(self.kiln.build(configuration, "-f", "tar,kernel+initrd", store=store))
        return {name: data for name, data in self.kiln.outputs().items()}

    def layout(self):
        from kiln_test.layout import Layout

        return Layout(self.kiln.store)

    def temporaries(self):
        found = []
        for root in (self.kiln.store, self.kiln.out):
            for directory, _, files in os.walk(root):
                found += [os.path.join(directory, name) for name in files if name.endswith(".tmp")]
        return found


def _renamed(value, names):
    """The configuration with every image's name replaced."""
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


if __name__ == "__main__":
    case.main()
