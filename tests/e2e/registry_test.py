#!/usr/bin/env python3
"""Kiln, docker-registry and skopeo exchange images: each reads what the others wrote."""

import base64
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, samples
from kiln_test.faulty_registry import FaultyRegistry
from kiln_test.image import Image, Index
from kiln_test.layer import file
from kiln_test.layout import Layout
from kiln_test.registry import PASSWORD, USER, DockerRegistry
from kiln_test.tarball import read


def app(arch="amd64", seed="app", **more):
    more.setdefault("config", samples.COMMAND)
    return Image([[file("app", samples.noise(50_000, seed + arch), 0o755)], [file("etc/app.conf", "x\n")]], arch, **more)


class Registries(case.Case):
    def registry(self, **more):
        self.needs("docker-registry")
        registry = DockerRegistry(self.path("registry"), **more)
        self.addCleanup(registry.stop)
        return registry

    def faulty(self, **more):
        registry = FaultyRegistry(**more)
        self.addCleanup(registry.stop)
        return registry

    def one_service(self, image, name="os.yml"):
        return self.write_system({"services": [{"name": "app", "image": image}]}, name)

    def builds(self, image, arch="amd64", env=None):
        """Builds a system with one service of that image; its root tree."""
        self.succeeds(self.kiln.build(self.one_service(image), "-f", "tar", arch=arch, env=env))
        nodes = read(os.path.join(self.kiln.out, "os.tar"))
        prefix = "containers/services/app/lower/"
        return {path.removeprefix(prefix): node for path, node in nodes.items() if path.startswith(prefix)}

    def is_app(self, tree, arch="amd64", seed="app"):
        from kiln_test.tree import digest

        self.assertEqual(tree["app"].content, digest(samples.noise(50_000, seed + arch)))

    def test_media_types(self):
        """docker-registry: OCI and Docker schema 2, layers by gzip, zstd and not at all"""
        registry = self.registry()
        for name, image in {
            "oci-gzip": app(seed="1"),
            "oci-zstd": app(seed="2", compression="zstd"),
            "oci-plain": app(seed="3", compression="none"),
            "docker-gzip": app(seed="4", docker=True),
            "docker-list": Index([app("arm64", seed="5", docker=True), app(seed="5", docker=True)], docker=True),
            "mixed": app(seed="6", compression=["zstd", "none"]),
        }.items():
            registry.push(f"team/{name}:1", image)
            seed = {"oci-gzip": "1", "oci-zstd": "2", "oci-plain": "3", "docker-gzip": "4", "docker-list": "5", "mixed": "6"}[name]
            self.is_app(self.builds(f"{registry.host}/team/{name}:1"), seed=seed)
            self.checked(name)
        self.assertEqual(Layout(self.kiln.store).problems(), [])
        by_digest = app(seed="7")
        registry.push("team/by-digest:1", by_digest)
        self.is_app(self.builds(f"{registry.host}/team/by-digest@{by_digest.descriptor['digest']}"), seed="7")
        registry.push("team/untagged:latest", app(seed="8"))
        self.is_app(self.builds(f"{registry.host}/team/untagged"), seed="8")
        self.checked("a reference by digest, and one without a tag")

    def test_moving_tag(self):
        """a tag that moved is only asked for with --pull"""
        registry = self.registry()
        image = f"{registry.host}/team/moving:1"
        registry.push("team/moving:1", app(seed="old"))
        self.is_app(self.builds(image), seed="old")
        registry.push("team/moving:1", app(seed="new"))
        self.is_app(self.builds(image), seed="old")
        self.succeeds(self.kiln.build(self.one_service(image), "-f", "tar", "--pull"))
        self.is_app(self.builds(image), seed="new")
        self.checked("the store's image is used until --pull asks the registry")

    def test_only_what_is_needed(self):
        """of a multi-platform image only the wanted platform is fetched, each blob once"""
        registry = self.faulty()
        images = [app(arch) for arch in ("arm64", "amd64", "riscv64")]
        registry.add("team/app:1", Index(images))
        self.is_app(self.builds(f"{registry.host}/team/app:1"))
        wanted = {*images[1].layer_digests, images[1].config_digest}
        fetched = [request[1].rpartition("/")[2] for request in registry.asked("/blobs/") if request[0] == "GET"]
        self.assertEqual(sorted(fetched), sorted(wanted))
        asked = {request[1].rpartition("/")[2] for request in registry.asked("/manifests/")}
        self.assertEqual(asked, {"1", images[1].descriptor["digest"]})
        self.checked("the index, one manifest, its config and its two layers, once each")
        before = len(registry.requests)
        self.is_app(self.builds(f"{registry.host}/team/app:1"))
        self.assertEqual(registry.requests[before:], [])
        self.checked("and nothing at all the second time")
        self.is_app(self.builds(f"{registry.host}/team/app:1", arch="arm64"), "arm64")
        self.checked("another architecture joins it under the same name")
        registry.faults.clear()
        before = len(registry.requests)
        self.is_app(self.builds(f"{registry.host}/team/app:1"))
        self.is_app(self.builds(f"{registry.host}/team/app:1", arch="arm64"), "arm64")
        self.assertEqual(registry.requests[before:], [])
        self.checked("and both stay")

    def login_file(self, registry, path, user=USER, password=PASSWORD):
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.write(path, json.dumps({"auths": {registry.host: {"auth": login}}}))

    def test_basic_login(self):
        """docker-registry with a password: docker's and podman's credential files"""
        registry = self.registry(login=True)
        registry.push("team/app:1", app())
        image = f"{registry.host}/team/app:1"
        result = self.kiln.build(self.one_service(image), "-f", "tar")
        self.assertEqual(result.status, 1)
        self.assertIn("hint: ", result.stderr)
        self.assertRegex(result.stderr, r"(?i)log ?in|credentials|access")
        self.checked("without credentials: " + result.stderr.splitlines()[0])
        self.login_file(registry, "home/.docker/config.json")
        self.is_app(self.builds(image))
        self.checked("~/.docker/config.json")
        os.unlink(self.path("home/.docker/config.json"))
        self.kiln.store = self.path("second-store")
        auth = self.login_file(registry, "podman/auth.json")
        self.is_app(self.builds(image, env={"REGISTRY_AUTH_FILE": auth}))
        self.checked("podman's auth.json by REGISTRY_AUTH_FILE")
        self.kiln.store = self.path("third-store")
        wrong = self.login_file(registry, "wrong/auth.json", password="wrong horse")
        result = self.kiln.build(self.one_service(image), "-f", "tar", env={"REGISTRY_AUTH_FILE": wrong})
        self.assertEqual(result.status, 1)
        self.assertNotIn("wrong horse", result.stderr)
        self.checked("a wrong password: " + result.stderr.splitlines()[0])

    def test_bearer_login(self):
        """tokens: anonymous registries refuse, the token service wants the password"""
        registry = self.faulty(login=(USER, PASSWORD), bearer=True)
        registry.add("team/app:1", app())
        self.login_file(registry, "home/.docker/config.json")
        self.is_app(self.builds(f"{registry.host}/team/app:1"))
        self.assertTrue(registry.asked("/token"))
        scopes = registry.asked("/token")[0][1]
        self.assertIn("scope=repository", scopes.replace("%3A", ":"))
        self.checked("the token was asked for and used")

    def test_push(self):
        """kiln push: skopeo inspects and copies what arrived"""
        self.needs("skopeo")
        registry = self.registry()
        name = f"{registry.host}/out/app:1"
        both = Index([app("amd64"), app("arm64", compression="zstd")])
        self.store_images({name: both})
        self.succeeds(self.kiln.run("push", name))
        for arch in ("amd64", "arm64"):
            told = json.loads(self.tool("skopeo", "inspect", "--tls-verify=false", "--override-arch", arch, "docker://" + name))
            self.assertEqual(told["Architecture"], arch)
            image = next(image for image in both.images if image.arch == arch)
            self.assertEqual(told["Layers"], image.layer_digests)
        self.checked("skopeo inspects both platforms of the pushed image")
        copied = self.path("copied")
        self.tool("skopeo", "copy", "--all", "--src-tls-verify=false", "docker://" + name, f"oci:{copied}:copy")
        # What newer versions write may have a note in the index that a layer is compressed by zstd.
        layout = Layout(copied)
        index = json.loads(pathlib.Path(layout.path(layout.index()["manifests"][0]["digest"])).read_text())
        self.assertEqual([image["digest"] for image in index["manifests"]], [image.descriptor["digest"] for image in both.images])
        self.assertEqual(self.tool("skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + name), both.manifest)
        self.checked("and copies it: the index is the one that was pushed, and so are its images")
        log = registry.log()
        self.succeeds(self.kiln.run("push", name))
        uploads = re.findall(r"POST /v2/\S+/blobs/uploads/", registry.log()[len(log) :])
        self.assertEqual(uploads, [])
        self.checked("a second push uploads nothing")

    def test_skopeo_reads_the_store(self):
        """skopeo reads what Kiln pulled"""
        self.needs("skopeo")
        registry = self.registry()
        registry.push("team/app:1", app(compression="zstd"))
        image = f"{registry.host}/team/app:1"
        self.builds(image)
        told = json.loads(self.tool("skopeo", "inspect", f"oci:{self.kiln.store}:{image}"))
        self.assertEqual(told["Architecture"], "amd64")
        self.assertEqual(told["Layers"], app(compression="zstd").layer_digests)
        copied = self.path("copied")
        self.tool("skopeo", "copy", f"oci:{self.kiln.store}:{image}", f"oci:{copied}:it")
        self.assertEqual(Layout(copied).problems(), [])
        self.checked("skopeo inspects and copies an image of Kiln's store")

    def test_skopeo_writes_the_store(self):
        """Kiln builds from what skopeo put into the store, and they share it afterwards"""
        self.needs("skopeo")
        source = self.path("source")
        Layout(source).add("it", app(seed="from skopeo"))
        os.makedirs(self.kiln.store)
        self.tool("skopeo", "copy", f"oci:{source}:it", f"oci:{self.kiln.store}:example.org/team/app:1")
        self.is_app(self.builds("example.org/team/app:1"), seed="from skopeo")
        self.tool("skopeo", "copy", f"oci:{source}:it", f"oci:{self.kiln.store}:example.org/team/app:2")
        self.is_app(self.builds("example.org/team/app:2"), seed="from skopeo")
        self.assertEqual(sorted(Layout(self.kiln.store).names()), ["example.org/team/app:1", "example.org/team/app:2"])
        self.checked("skopeo copies into a new store, Kiln builds from it; skopeo adds to it after Kiln has used it")


if __name__ == "__main__":
    case.main()
