#!/usr/bin/env python3
"""An ARM64 machine boots an operating system straight from Debian's docker-registry, with nothing else between them."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, ipxe
from kiln_test.registry import DockerRegistry


class Registry(ipxe.Booting):
    def test_registry(self):
        """straight from docker-registry, several segments: by kiln ipxe's script, and by the script in the registry"""
        self.needs("docker-registry")
        registry = DockerRegistry(self.path("registry"))
        self.addCleanup(registry.stop)
        name = f"{registry.host}/team/os:1"
        pushed = self.succeeds(self.kiln.run("push", "oci", name, self.system, "--arch", "arm64", "--json", timeout=900))
        system = json.loads(pushed.stdout)["systems"][0]
        self.assertGreater(system["segments"], 3)
        url = f"http://{ipxe.HOST}:{registry.port}"
        script = self.succeeds(self.kiln.run("ipxe", name, "--registry-url", url)).stdout
        self.assertEqual(script.count("\ninitrd "), system["segments"])
        machine = self.boots(script)
        self.loaded(registry, machine, system["segments"])
        self.checked(f"kiln ipxe: {system['segments']} initrd lines, booted to a shell")
        stored = system["script"].replace(registry.host, f"{ipxe.HOST}:{registry.port}")
        self.boots(f"#!ipxe\ndhcp\nchain {stored}\n")
        self.checked("chained from the registry: the script finds the blobs beside itself")

    def loaded(self, registry, machine, segments):
        """Every blob was asked for, and Linux was told of all."""
        fetched = set(re.findall(r"GET /v2/team/os/blobs/(sha256:[0-9a-f]{64})", registry.log()))
        self.assertGreaterEqual(len(fetched), segments + 1)
        self.assertRegex(machine.text, rf"Kernel command line: .* initrd=s{segments}")


if __name__ == "__main__":
    case.main()
