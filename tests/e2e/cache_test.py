#!/usr/bin/env python3
"""The cache as a place where images come and go: other tools' files in and out, and everybody at once."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, samples
from kiln_test.image import Image, Index
from kiln_test.layer import directory, file, link, symlink, whiteout
from kiln_test.layout import Layout
from kiln_test.registry import DockerRegistry
from kiln_test.tarball import read

NAME = "example.org/team/app:1"


def app(arch="amd64", compression=("gzip", "zstd"), seed="app", **more):
    layers = [
        [directory("bin/"), file("bin/app", samples.noise(30_000, seed + arch), 0o755), link("bin/app2", "bin/app"), file("bin/old", "x")],
        [whiteout("bin/old"), symlink("bin/sh", "app"), directory("etc/"), file("etc/app.conf", seed + "\n")],
    ]
    return Image(layers, arch, compression, config=samples.COMMAND, **more)


class Cache(case.Case):
    def names(self, store=None):
        return sorted(Layout(store or self.kiln.store).names())

    def is_whole(self):
        self.assertEqual(Layout(self.kiln.store).problems(), [])

    def imports(self, *words, **more):
        return json.loads(self.succeeds(self.kiln.run("--json", "cache", "import", *words, **more)).stdout)["images"]

    def exported(self, name, *words):
        path = self.path(name)
        self.succeeds(self.kiln.run("cache", "export", "--arch", "amd64", "--outfile", path, *words, NAME))
        return path

    def is_app(self, name, config_digest=None):
        """A build from the cache has the app's files, and no registry is asked."""
        system = self.write_system({"services": [{"name": "app", "image": name}]})
        self.succeeds(self.kiln.build(system, "-f", "tar"))
        nodes = read(os.path.join(self.kiln.out, "os.tar"))
        prefix = "containers/services/app/lower/"
        self.assertEqual(nodes[prefix + "bin/app"].content, hashlib.sha256(samples.noise(30_000, "appamd64")).hexdigest())
        self.assertNotIn(prefix + "bin/old", nodes)

    def test_import_from_skopeo(self):
        """what skopeo wrote: OCI layouts as directory and tar, Docker archives; compressed, through a pipe"""
        self.needs("skopeo", "zstd")
        source = self.path("source")
        Layout(source).add("app", app(compression="gzip"))  # Docker archives of skopeo have no zstd
        full = "example.org/team/app"
        self.tool("skopeo", "copy", f"oci:{source}:app", f"oci:{self.path('layout')}:{full}:dir")
        self.tool("skopeo", "copy", f"oci:{source}:app", f"oci-archive:{self.path('layout.tar')}:{full}:tar")
        self.tool("skopeo", "copy", f"oci:{source}:app", f"docker-archive:{self.path('docker.tar')}:{full}:docker")
        self.tool("zstd", "-q", self.path("layout.tar"))
        for words, name in (([self.path("layout")], "dir"), ([self.path("layout.tar")], "tar"), ([self.path("docker.tar")], "docker")):
            self.assertEqual([image["name"] for image in self.imports(*words)], [f"{full}:{name}"])
            self.is_app(f"{full}:{name}")
            self.checked(f"{full}:{name}")
        self.imports("--name", "team/packed:1", self.path("layout.tar.zst"))
        self.is_app("team/packed:1")
        with open(self.path("docker.tar"), "rb") as tar:
            process = subprocess.run(
                self.kiln.command("cache", "import", "--name", "team/piped:1", "-"), stdin=tar, capture_output=True, env=self.kiln.environment()
            )
        self.assertEqual(process.returncode, 0, process.stderr)
        self.is_app("team/piped:1")
        self.is_whole()
        self.checked("compressed, and from standard input")

    def test_import_by_name(self):
        """a layout whose names are tags only"""
        self.needs("skopeo")
        Layout(self.path("source")).add("1.0", app())
        result = self.kiln.run("cache", "import", self.path("source"))
        self.fails_with(result, f"error: '{self.path('source')}': it has images but no names for them\nhint: give it one: --name REFERENCE\n")
        self.imports("--name", NAME, self.path("source"))
        self.is_app(NAME)
        self.checked("is refused, and taken with --name")

    def test_import_of_docker_save(self):
        """`docker save` in its old form (a directory for each layer, links) and its new one (an OCI layout)"""
        image = app(compression=("none", "none"))
        layers = [image.blobs[digest] for digest in image.layer_digests]
        config = image.blobs[image.config_digest]

        def tar(name, entries):
            with tarfile.open(self.path(name), "w") as archive:
                for path, data in entries:
                    entry = tarfile.TarInfo(path)
                    if isinstance(data, str):
                        entry.type, entry.linkname = tarfile.SYMTYPE, data
                        archive.addfile(entry)
                    else:
                        entry.size = len(data)
                        archive.addfile(entry, io.BytesIO(data))
            return self.path(name)

        manifest = [{"Config": "c.json", "RepoTags": [NAME, "app:latest"], "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"]}]
        three = json.loads(config)
        three["rootfs"]["diff_ids"].append(three["rootfs"]["diff_ids"][0])
        old = [
            ("a/VERSION", b"1.0"),
            ("a/json", b"{}"),
            ("a/layer.tar", layers[0]),
            ("b/layer.tar", layers[1]),
            ("c/layer.tar", "../a/layer.tar"),
            ("c.json", json.dumps(three).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
            ("repositories", b"{}"),
        ]
        found = self.imports(tar("old.tar", old))
        self.assertEqual(sorted(image["name"] for image in found), ["docker.io/library/app:latest", NAME])
        self.is_whole()
        self.checked("the old form")
        index = {"schemaVersion": 2, "manifests": [{**image.descriptor, "annotations": {"io.containerd.image.name": "example.org/team/new:1", "org.opencontainers.image.ref.name": "1"}}]}
        path = {digest: "blobs/sha256/" + digest[7:] for digest in image.blobs}
        manifest = [{"Config": path[image.config_digest], "RepoTags": ["example.org/team/new:1"], "Layers": [path[digest] for digest in image.layer_digests]}]
        new = [(path[digest], data) for digest, data in image.blobs.items()]
        new += [("index.json", json.dumps(index).encode()), ("manifest.json", json.dumps(manifest).encode()), ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')]
        found = self.imports(tar("new.tar", new))
        self.assertEqual(found, [{"name": "example.org/team/new:1", "digest": image.descriptor["digest"]}])
        self.is_app("example.org/team/new:1")
        self.checked("the new form, its digest unchanged")

    def test_cut_off(self):
        """an archive that is cut off anywhere gives no name, and the next import is whole"""
        self.store_images({NAME: app()})
        whole = self.exported("whole.tar")
        shutil.rmtree(self.kiln.store)
        with open(whole, "rb") as stream:
            data = stream.read()
        for size in (0, 300, 5000, len(data) // 2, len(data) - 3000):
            result = self.kiln.run("cache", "import", self.write("cut.tar", data[:size]))
            self.assertEqual(result.status, 1, size)
            self.assertIn("cut.tar", result.stderr)
            self.assertEqual(self.names(), [])
        shutil.rmtree(self.kiln.store)  # blobs it has are not read again
        damaged = bytearray(data)
        damaged[len(data) // 2] ^= 1
        result = self.kiln.run("cache", "import", self.write("damaged.tar", bytes(damaged)))
        self.assertEqual((result.status, self.names()), (1, []))
        self.assertIn("digest is sha256:", result.stderr)
        self.imports(whole)
        self.is_app(NAME)
        self.is_whole()
        self.checked("cut off at five places, and one bit damaged")

    def test_export_to_skopeo(self):
        """skopeo reads exported layouts and Docker archives: same layers, same configuration"""
        self.needs("skopeo")
        image = app()
        self.store_images({NAME: Index([app("arm64"), image])})
        oci, docker = self.exported("oci.tar"), self.exported("docker.tar", "--format", "docker")
        told = json.loads(self.tool("skopeo", "inspect", f"oci-archive:{oci}"))
        self.assertEqual((told["Architecture"], told["Layers"]), ("amd64", image.layer_digests))
        self.tool("skopeo", "copy", f"oci-archive:{oci}:{NAME}", f"oci:{self.path('copied')}:it")
        self.assertEqual(Layout(self.path("copied")).index()["manifests"][0]["digest"], image.descriptor["digest"])
        self.checked("oci: the digest of the image is what it was")
        told = json.loads(self.tool("skopeo", "inspect", "--config", f"docker-archive:{docker}"))
        self.assertEqual(told["rootfs"], json.loads(image.blobs[image.config_digest])["rootfs"])
        self.tool("skopeo", "copy", f"docker-archive:{docker}:{NAME}", f"oci:{self.path('copied')}:docker")
        self.assertEqual(Layout(self.path("copied")).problems(), [])
        self.checked("docker")
        self.assertEqual(open(oci, "rb").read(), open(self.exported("again.tar"), "rb").read())
        renamed = self.exported("renamed.tar", "--name", "other/name:2")
        self.assertEqual([image["name"] for image in self.imports(renamed)], ["docker.io/other/name:2"])
        self.checked("the same bytes again; another name")
        result = self.kiln.run("cache", "export", "--platform", "linux/s390x", "--outfile", self.path("x"), NAME)
        self.fails_with(result, f"error: the cache has no image '{NAME}' for linux/s390x\nhint: fetch it first: kiln cache pull {NAME}\n")
        result = self.kiln.run("cache", "export", "--format", "zip", "--outfile", self.path("x"), NAME)
        self.fails_with(result, "error: --format 'zip': expected oci, docker or filesystem\n")
        self.assertFalse(os.path.exists(self.path("x")))

    def test_export_to_podman(self):
        """podman loads both and has the files"""
        self.needs("podman")
        self.store_images({NAME: app()})
        directory = tempfile.mkdtemp(prefix="kiln")  # podman wants short names
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        podman = ["podman", "--root", directory + "/root", "--runroot", directory + "/run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]
        for kind in ("oci", "docker"):
            tar = self.exported(kind + ".tar", "--format", kind)
            self.tool(*podman, "load", "-i", tar)
            told = json.loads(self.tool(*podman, "image", "inspect", NAME))[0]
            self.assertEqual(told["RepoTags"], [NAME])
            self.assertEqual(told["Config"]["Cmd"], samples.COMMAND["Cmd"])
            back = self.path(kind + "-back.tar")
            self.tool(*podman, "save", "--format", "oci-archive", "-o", back, NAME)
            self.tool(*podman, "rmi", NAME)
            self.imports("--name", f"example.org/from-podman/{kind}:1", back)
            self.is_app(f"example.org/from-podman/{kind}:1")
            self.checked(f"{kind}: loaded, saved again, and imported from that")

    def test_export_of_the_tree(self):
        """filesystem: the layers merged, as bsdtar reads it, and nothing added"""
        self.needs("bsdtar")
        self.store_images({NAME: app()})
        tar = self.exported("tree.tar", "--format", "filesystem")
        listed = sorted(self.tool("bsdtar", "-tf", tar).decode().split())
        self.assertEqual(listed, ["bin", "bin/app", "bin/app2", "bin/sh", "etc", "etc/app.conf"])
        nodes = read(tar)
        self.assertEqual(nodes["bin/app"].content, hashlib.sha256(samples.noise(30_000, "appamd64")).hexdigest())
        to_pipe = subprocess.run(
            self.kiln.command("cache", "export", "--arch", "amd64", "--format", "filesystem", "-o", "-", NAME),
            capture_output=True,
            env=self.kiln.environment(),
        )
        self.assertEqual(to_pipe.stdout, open(tar, "rb").read())
        self.checked("to a file and to standard output")

    def registry(self):
        self.needs("docker-registry")
        registry = DockerRegistry(self.path("registry"))
        self.addCleanup(registry.stop)
        return registry

    def test_pull_and_push(self):
        """cache pull takes every platform and names each; cache push leaves what is there unless told otherwise"""
        registry = self.registry()
        both = Index([app("arm64"), app()])
        registry.push("team/app:latest", both)
        name = f"{registry.host}/team/app"
        self.succeeds(self.kiln.run("cache", "pull", name))
        self.assertEqual(self.names(), [f"{name}:latest", f"{name}:latest-amd64", f"{name}:latest-arm64"])
        layout = Layout(self.kiln.store)
        self.assertEqual(layout.names()[f"{name}:latest-arm64"]["digest"], both.images[0].descriptor["digest"])
        for one in both.images:
            for digest in one.blobs:
                self.assertTrue(os.path.exists(layout.path(digest)), digest)
        self.checked("both platforms, under three names")
        target = f"{registry.host}/copy/app:2"
        self.succeeds(self.kiln.run("cache", "push", "--remote-name", target, "--with-arch-tags", name))
        for tag, digest in (("2", both.descriptor["digest"]), ("2-amd64", both.images[1].descriptor["digest"])):
            pulled = json.loads(self.succeeds(self.kiln.run("--json", "pull", "--arch", "amd64", f"{registry.host}/copy/app:{tag}", store=self.path("other"))).stdout)
            self.assertEqual(pulled["images"][0]["digest"], both.images[1].descriptor["digest"], tag)
        self.assertEqual(Layout(self.path("other")).names()[target]["digest"], both.descriptor["digest"])
        self.checked("pushed under another name, with a tag for each architecture")
        registry.push("copy/app:2", app(seed="newer"))
        told = self.succeeds(self.kiln.run("cache", "push", "--remote-name", target, name)).stdout
        self.assertIn("stays", told)
        self.assertIn(both.descriptor["digest"], self.succeeds(self.kiln.run("cache", "push", "--override", "--remote-name", target, name)).stdout)
        self.assertIn("already", self.succeeds(self.kiln.run("cache", "push", "--remote-name", target, name)).stdout)
        self.checked("what the registry has stays without --override")

    def test_published_only(self):
        """rm and clean --published-only remove only what the registry has as it is here"""
        registry = self.registry()
        for name in ("same", "changed"):
            registry.push(f"team/{name}:1", app(seed=name))
            self.succeeds(self.kiln.run("pull", "--arch", "amd64", f"{registry.host}/team/{name}:1"))
        registry.push("team/changed:1", app(seed="changed again"))
        ours = {f"{registry.host}/team/{name}:1" for name in ("same", "changed", "unpublished")}
        nowhere = "127.0.0.1:1/team/app:1"
        self.store_images({f"{registry.host}/team/unpublished:1": app(seed="unpublished"), nowhere: app(seed="nowhere")})
        self.succeeds(self.kiln.run("cache", "rm", "--published-only", f"{registry.host}/team/changed:1"))
        self.assertEqual(set(self.names()), ours | {nowhere})
        result = self.succeeds(self.kiln.run("cache", "clean", "--published-only", env={"KILN_REGISTRY_STALL_SECONDS": "1"}, timeout=200))
        self.assertEqual(set(self.names()), (ours | {nowhere}) - {f"{registry.host}/team/same:1"})
        self.assertIn(f"'{nowhere}' stays: ", result.stderr)
        self.is_whole()
        self.checked("one of four; a registry that does not answer keeps its images")

    def test_everybody_at_once(self):
        """two builds, two pulls and a clean on one store at once: each does what it was asked, the store is whole"""
        registry = self.registry()
        images = {name: app(seed=name, compression=("gzip", "gzip")) for name in ("a", "b", "c", "d")}
        for name, image in images.items():
            registry.push(f"team/{name}:1", image)
        for name in ("a", "b"):
            self.write_system({"services": [{"name": "app", "image": f"{registry.host}/team/{name}:1"}]}, f"{name}.yml")
            os.makedirs(self.path("out-" + name))
        alone = {}
        for name in ("a", "b"):
            self.succeeds(self.kiln.build(self.path(name + ".yml"), "-f", "tar", out=self.path("out-" + name), name=name))
            alone[name] = open(self.path("out-" + name, name + ".tar"), "rb").read()
        waited = 0
        for number in range(8):
            if number % 2:
                shutil.rmtree(self.kiln.store)  # every other time all of it comes from the registry
            started = []
            for name in ("a", "b"):
                words = ["build", "--arch", "amd64", "--name", name, "--dir", self.path("out-" + name), "-f", "tar", self.path(name + ".yml")]
                path = self.path("out-" + name, name + ".tar")
                if os.path.exists(path):
                    os.unlink(path)
                started.append(self.kiln.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            for name in ("c", "d"):
                started.append(self.kiln.start("pull", "--arch", "amd64", f"{registry.host}/team/{name}:1", stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            started.append(self.kiln.start("cache", "clean", stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            for process in started:
                _, errors = process.communicate(timeout=120)
                self.assertEqual(process.returncode, 0, f"round {number}: {process.args}\n{errors.decode()}")
                waited += b"waiting for the builds and pulls" in errors
            for name in ("a", "b"):
                self.assertEqual(open(self.path("out-" + name, name + ".tar"), "rb").read(), alone[name], f"round {number}: {name}")
            self.is_whole()
            self.succeeds(self.kiln.run("cache", "verify"))
        self.checked(f"8 rounds, 40 commands; the clean waited {waited} times; same tars, no blob missing or damaged")

    def test_linuxkits_cache(self):
        """a cache as LinuxKit writes it is used in place: its names, its lock, its unfinished downloads stay"""
        layout = Layout(self.kiln.store)
        layout.add("docker.io/team/app:1", app())
        layout.add("docker.io/team/other", Image([[file("x", "x")]]))
        for name in ("ingest/0123/data", "ingest/0123/ref"):
            self.write("store/" + name, "unfinished")
        self.write("store/.lock", "")
        with open(self.path("store/index.json"), encoding="utf-8") as stream:
            index = json.load(stream)
        index["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha512:" + "0" * 128, "size": 3})
        self.write("store/index.json", json.dumps(index, indent=3))
        self.is_app("team/app:1")
        self.succeeds(self.kiln.run("cache", "import", "--name", "team/more:1", self.exported_app()))
        with open(self.path("store/index.json"), encoding="utf-8") as stream:
            text = stream.read()
        self.assertIn('\n   "manifests"', text)
        names = [entry.get("annotations", {}).get("org.opencontainers.image.ref.name") for entry in json.loads(text)["manifests"]]
        self.assertEqual(names, ["docker.io/team/app:1", "docker.io/team/other", None, "docker.io/team/more:1"])
        self.assertTrue(os.path.exists(self.path("store/ingest/0123/data")))
        self.checked("entries of others and what is in ingest/ stay; index.json is indented as LinuxKit does it")

    def exported_app(self):
        tar = self.path("app.tar")
        self.succeeds(self.kiln.run("cache", "export", "--arch", "amd64", "-o", tar, "team/app:1"))
        return tar


if __name__ == "__main__":
    case.main()
