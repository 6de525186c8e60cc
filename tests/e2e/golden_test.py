#!/usr/bin/env python3
"""LinuxKit's own YAML and image configurations give LinuxKit's own config.json, runtime.json and files, byte for byte."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln, layer, samples, tarball
from kiln_test.image import Image, Index
from kiln_test.layer import file

GOLDEN = os.path.join(kiln.SOURCE, "src/runtime/testdata/golden")


def golden_images():
    """The images of the golden YAMLs: their real configurations on small layers, for two architectures."""
    with open(os.path.join(GOLDEN, "image-configs.json"), encoding="utf-8") as stream:
        configs = json.load(stream)
    images = {}
    for name, recorded in configs.items():
        layers = [[file(f"layer-{i}-of-{name}", f"{name} {i}\n")] for i in range(recorded["layers"])]
        if name == "kernel":
            layers = [[file("kernel", samples.KERNEL), file("kernel.tar", layer.tar(samples.MODULES)), file("intel-ucode.cpio", bytes(512))]]
        both = [Image(layers, arch, config=recorded["config"]) for arch in ("amd64", "arm64")]
        images[f"127.0.0.1:5000/lk/{name}:v1"] = Index(both)
    return images


class Golden(case.Case):
    def build(self, yaml):
        self.store_images(golden_images())
        here = self.path("here")
        os.mkdir(here)
        # `source:` is relative to the current directory, and the golden files say what was in it.
        with open(os.path.join(GOLDEN, "files/root/.ssh/authorized_keys"), "rb") as stream:
            self.write("here/id_rsa.pub", stream.read())
        result = self.kiln.build(os.path.join(GOLDEN, yaml), "-f", "tar", arch="arm64", cwd=here)
        self.succeeds(result)
        return os.path.join(self.kiln.out, "os.tar")

    def test_full(self):
        """full.yml: every bundle and every file"""
        tar = self.build("full.yml")
        compared = self.compare(tar, "containers", "containers")
        present = [p for p in tarball.read(tar) if p.endswith(("/config.json", "/runtime.json")) and p.count("/") == 3]
        self.assertEqual(sorted(present), sorted(compared))
        self.checked(f"the {len(compared)} JSON files of the bundles are LinuxKit's, and there are no others")
        files = self.compare(tar, "files", "")
        self.checked(f"so are {', '.join(files)}")

    def test_minimal(self):
        """minimal.yml: the bundles it has in common with full.yml"""
        tar = self.build("minimal.yml")
        nodes = tarball.read(tar)
        for ours, theirs in (
            ("containers/onboot/000-dhcpcd/config.json", "containers/onboot/001-dhcpcd/config.json"),
            ("containers/services/getty/config.json", "containers/services/getty/config.json"),
            ("containers/services/getty/runtime.json", "containers/services/getty/runtime.json"),
        ):
            self.assertIn(ours, nodes)
            self.assertEqual(tarball.content(tar, ours).decode(), golden(theirs).decode(), ours)
        self.assertEqual(tarball.content(tar, "boot/cmdline"), b"console=tty0 console=ttyS0 console=ttyAMA0")
        self.checked("bundles and cmdline of minimal.yml")

    def compare(self, tar, directory, prefix):
        compared = []
        for where, _, names in os.walk(os.path.join(GOLDEN, directory)):
            for name in names:
                path = os.path.relpath(os.path.join(where, name), os.path.join(GOLDEN, directory))
                ours = os.path.join(prefix, path)
                self.assertEqual(tarball.content(tar, ours).decode(), golden(os.path.join(directory, path)).decode(), ours)
                compared.append(ours)
        self.assertTrue(compared)
        return sorted(compared)


def golden(path):
    with open(os.path.join(GOLDEN, path), "rb") as stream:
        return stream.read()


if __name__ == "__main__":
    case.main()
