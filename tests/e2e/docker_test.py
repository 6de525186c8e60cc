#!/usr/bin/env python3
"""Images out of and into the engine of this machine: `build --docker`, `pkg build --docker`, with podman in docker's place."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, tarball
from kiln_test.image import Image, Index
from kiln_test.layer import file
from kiln_test.layout import Layout
from kiln_test.registry import DockerRegistry

HERE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
OTHER = {"amd64": "arm64", "arm64": "amd64"}[HERE]


def image(content, arch=HERE):
    return Image([[file("app", content, 0o755)]], arch)


class Docker(case.Case):
    def setUp(self):
        super().setUp()
        self.needs("podman")
        # A docker whose daemon is not there; and podman with a storage of its own.
        os.chmod(self.write("bin/docker", "#!/bin/sh\nexit 1\n"), 0o755)
        storage = f"[storage]\ndriver = 'vfs'\ngraphroot = '{self.path('podman')}'\nrunroot = '{self.path('podman-run')}'\n"
        self.env = {"PATH": f"{self.path('bin')}:{os.environ['PATH']}", "CONTAINERS_STORAGE_CONF": self.write("storage.conf", storage)}
        if subprocess.run(["podman", "info"], env=self.kiln.environment(**self.env), capture_output=True).returncode != 0:
            self.skipTest("podman does not work here: no root, and no user namespaces")

    def podman(self, *arguments):
        return self.tool("podman", *arguments, env=self.kiln.environment(**self.env))

    def give_podman(self, name, what, arch=HERE):
        """Loads an image into podman, by way of a Docker archive."""
        store = self.path("elsewhere")
        Layout(store).add(name, what)
        archive = self.path("image.tar")
        self.succeeds(self.kiln.run("cache", "export", "--format", "docker", "--platform", f"linux/{arch}", "--outfile", archive, name, store=store))
        self.podman("load", "--input", archive)

    def app(self, *options, arch=HERE):
        """What /app is in a system of the images example.test/app:1."""
        system = self.write_system({"services": [{"name": "app", "image": "example.test/app:1"}]})
        self.succeeds(self.kiln.build(system, "-f", "tar", *options, arch=arch, env=self.env))
        return tarball.content(os.path.join(self.kiln.out, "os.tar"), "containers/services/app/lower/app").decode()

    def test_build(self):
        """build --docker: the engine's image before the cache's, which stays"""
        name = "example.test/app:1"
        self.store_images({name: Index([image("cached"), image("cached, other", OTHER)])})
        self.assertEqual(self.app("--docker"), "cached")
        self.checked("what podman does not have is the cache's")
        self.give_podman(name, image("podman's"))
        self.assertEqual(self.app("--docker"), "podman's")
        self.assertEqual(self.app(), "cached")
        self.assertEqual(self.app("--docker", arch=OTHER), "cached, other")
        self.checked("what it has is podman's, with --docker only, and only for its platform")
        self.give_podman(name, image("podman's, newer"))
        self.assertEqual(self.app("--docker"), "podman's, newer")
        self.assertEqual(Layout(self.kiln.store).problems(), [])
        self.checked("it is fetched again when it has changed")
        listed = self.succeeds(self.kiln.run("cache", "ls")).stdout
        self.assertIn("podman-daemon:" + name, listed)

    def test_pkg(self):
        """pkg build --docker: images are loaded under LinuxKit's names, also those of a release"""
        self.needs("docker-registry")
        registry = DockerRegistry(self.path("registry"))
        self.addCleanup(registry.stop)
        name = f"{registry.host}/team/app"
        self.store_images({name + ":1": Index([image("here"), image("there", OTHER)])})
        directory = os.path.dirname(self.write("app/build.yml", f"image: app\norg: {registry.host}/team\narches: [amd64, arm64]\n"))
        self.succeeds(self.kiln.run("pkg", "build", "--docker", "--hash", "1", directory, env=self.env))
        tags = {f"{name}:1", f"{name}:1-{HERE}", f"{name}:1-{OTHER}"}
        self.assertEqual(self.tags(), tags)
        for tag, arch in ((":1", HERE), (f":1-{OTHER}", OTHER)):
            self.assertEqual(json.loads(self.podman("image", "inspect", name + tag))[0]["Architecture"], arch)
        self.checked("TAG-ARCH for each, and TAG for this machine's")
        self.succeeds(self.kiln.run("pkg", "build", "--docker", "--push", "--nobuild", "--release", "v1", "--hash", "1", directory, env=self.env))
        self.assertEqual(self.tags(), tags | {f"{name}:v1", f"{name}:v1-{HERE}", f"{name}:v1-{OTHER}"})
        self.checked("and of the release")

    def tags(self):
        return set(self.podman("images", "--format", "{{.Repository}}:{{.Tag}}").decode().split())

    def test_without(self):
        """--docker where no engine is"""
        only = {"PATH": self.path("bin")}
        result = self.kiln.build(self.write_system({"init": ["example.test/app:1"]}), "--docker", env=only)
        self.fails_with(result, "error: --docker: no docker answers, and there is no podman\nhint: start docker, or install podman\n")
        self.checked(result.stderr.splitlines()[0])


if __name__ == "__main__":
    case.main()
