#!/usr/bin/env python3
"""Bad input of every kind: each with its whole message, and without a trace in the outputs."""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, layer, samples
from kiln_test.faulty_registry import Fault, FaultyRegistry
from kiln_test.image import Image, Index, digest_of
from kiln_test.layer import directory, file, link, symlink
from kiln_test.layout import Layout
from kiln_test.tarball import read

OLD = {"os-cmdline": b"the old cmdline", "os-initrd.img": b"the old initrd", "os-kernel": b"the old kernel", "os.tar": b"the old tar"}


class BadInput(case.Case):
    """Every failing build starts with outputs of an earlier one, which it must leave alone."""

    def refused(self, what, configuration, stderr, options=(), arch="amd64", before=None, **more):
        for name, data in OLD.items():
            with open(os.path.join(self.kiln.out, name), "wb") as stream:
                stream.write(data)
        files = [configuration] if isinstance(configuration, str) else configuration
        result = self.kiln.build(*files, "-f", "tar,kernel+initrd", *options, arch=arch, **more)
        for text in (self.work, os.path.realpath(self.work)):
            result.stderr = result.stderr.replace(text, "WORK")
        self.fails_with(result, stderr)
        self.assertEqual(result.stdout, "")
        changed = [name for name, data in self.kiln.outputs().items() if data != OLD.get(name)]
        self.assertEqual(changed, [], "outputs that are new or changed")
        self.checked(f"{what}: {stderr.splitlines()[0]}")

    def yaml(self, text):
        return self.write("os.yml", text)

    def app(self, *entries, **more):
        more.setdefault("config", samples.COMMAND)
        return Image([list(entries)], **more)

    def service(self, image="example.org/app:1"):
        return self.write_system({"services": [{"name": "app", "image": image}]})

    def refuses_layer(self, what, layers, stderr, **more):
        """An image in the store that consists of these layers."""
        shutil.rmtree(self.kiln.store, ignore_errors=True)
        image = Image(layers, config=samples.COMMAND, **more)
        self.store_images({"example.org/app:1": image})
        digests = dict(zip(("LAYER1", "LAYER2"), image.layer_digests))
        self.refused(what, self.service(), stderr.format(**digests))


class Configurations(BadInput):
    def test_unknown_key(self):
        """unknown keys: the position and the nearest known one"""
        self.refused("a key", self.yaml("kernel:\n  image: a\n  cmdlin: x\n"), "")
        self.refused("a section", self.yaml("kernel:\n  image: a\nservice:\n  - name: b\n    image: c\n"), "")

    def test_wrong_type(self):
        """wrong types"""
        self.refused("a string for a list", self.yaml("init: busybox\n"), "")
        self.refused("yes for a bool", self.yaml("services:\n  - name: a\n    image: b\n    readonly: yes\n"), "")

    def test_several_mistakes(self):
        """all mistakes of all files at once"""
        first = self.write("first.yml", "kernel:\n  imag: a\ninit: 5\n")
        second = self.write("second.yml", "services:\n  - nam: a\n    image: b\nfiles:\n  - contents: x\n")
        self.refused("six mistakes in two files", [first, second], "")

    def test_not_yaml(self):
        """text that is not YAML, and a file that is not there"""
        self.refused("a stray bracket", self.yaml("kernel: [\n"), "")
        self.refused("no such file", self.path("absent.yml"), "")

    def test_names(self):
        """names that occur twice or cannot be directories"""
        twice = [{"name": "web", "image": "a"}, {"name": "web", "image": "b"}]
        self.refused("two services of one name", self.write_system({"services": twice}), "")
        first = self.write_system({"services": twice[:1]}, "first.yml")
        second = self.write_system({"services": twice[1:]}, "second.yml")
        self.refused("in two files", [first, second], "")
        self.refused("a name with ..", self.write_system({"services": [{"name": "../evil", "image": "a"}]}), "")

    def test_files(self):
        """sources that cannot be read, and kinds that contradict each other"""
        self.refused("no source", self.write_system({"files": [{"path": "etc/x", "source": "absent"}]}), "")
        self.refused("a directory", self.write_system({"files": [{"path": "etc/x", "source": self.work}]}), "")
        both = {"path": "etc/x", "contents": "a", "source": "b"}
        self.refused("contents and source", self.write_system({"files": [both]}), "")
        self.refused("a path out of the root", self.write_system({"files": [{"path": "../x", "contents": "a"}]}), "")

    def test_kernel(self):
        """kernel images without the kernel or its modules"""
        images = {
            "example.org/no-kernel:1": self.app(file("vmlinuz", "k")),
            "example.org/no-tar:1": self.app(file("kernel", "k")),
            "example.org/bad-tar:1": self.app(file("kernel", "k"), file("kernel.tar", b"not a tar" * 100)),
        }
        self.store_images(images)
        for name in images:
            self.refused(name, self.write_system({"kernel": {"image": name}}), "")

    def test_values(self):
        """values only the bundle's maker can judge"""
        self.store_images({"example.org/app:1": self.app(file("app", "x"))})
        service = {"name": "app", "image": "example.org/app:1"}
        for what, more in {
            "a capability": {"capabilities": ["CAP_EVERYTHING"]},
            "a bind": {"binds": ["/etc"]},
            "a user": {"uid": "nobody-here"},
            "a limit": {"rlimits": ["nofile,many,5"]},
        }.items():
            self.refused(what, self.write_system({"services": [{**service, **more}]}), "")
        label = {"Labels": {"org.mobyproject.config": '{"bind": ["/a:/a"]}'}, **samples.COMMAND}
        self.store_images({"example.org/label:1": self.app(file("app", "x"), config=label)})
        self.refused("a label", self.service("example.org/label:1"), "")

    def test_command_line(self):
        """the command line"""
        ours = self.yaml("init: []\n")
        for arguments, stderr in {
            ("build", "--format", "qcow3", ours): "",
            ("build", "--compression", "lzma", ours): "",
            ("build", "--compression", "zstd:99", ours): "",
            ("build", "--arch", "sparc/64/x/y", ours): "",
            ("build", "--dir", "absent", ours): "",
            ("build",): "",
            ("bild",): "",
        }.items():
            with self.subTest(arguments[1:-1] or arguments):
                result = self.kiln.run(*arguments)
                result.stderr = result.stderr.replace(self.work, "WORK")
                self.fails_with(result, stderr, status=2 if "--help" in stderr else 1)
        self.checked("formats, compressions, architectures, directories, verbs")


class Stores(BadInput):
    def test_damaged_store(self):
        """blobs of the store that were cut off, changed or lost"""
        pristine = self.app(file("app", samples.noise(100_000, "app")))
        digests = {"manifest": pristine.descriptor["digest"], "config": pristine.config_digest, "layer": pristine.layer_digests[0]}

        def damage(how):
            def apply(data):
                return {"cut off": data[:-7], "changed": data[:20] + bytes([data[20] ^ 1]) + data[21:], "empty": b""}[how]

            return apply

        expected = {}
        for part, digest in digests.items():
            for how in ("cut off", "changed", "empty", "absent"):
                with self.subTest(part=part, how=how):
                    shutil.rmtree(self.kiln.store, ignore_errors=True)
                    layout = self.store_images({"127.0.0.1:1/app:1": pristine})
                    if how == "absent":
                        os.unlink(layout.path(digest))
                    else:
                        data = damage(how)(pristine.blobs[digest])
                        with open(layout.path(digest), "wb") as stream:
                            stream.write(data)
                    self.refused(f"{part} {how}", self.service("127.0.0.1:1/app:1"), expected.get((part, how), ""))

    def test_store_itself(self):
        """a store that is none"""
        os.makedirs(self.kiln.store)
        with open(os.path.join(self.kiln.store, "index.json"), "w", encoding="utf-8") as stream:
            stream.write("{")
        self.refused("a broken index.json", self.service(), "")
        shutil.rmtree(self.kiln.store)
        self.write("store", "a file")
        self.refused("a file", self.service(), "")

    def test_architecture(self):
        """images of another architecture, with and without an index"""
        self.store_images(
            {
                "127.0.0.1:1/single:1": self.app(file("app", "x"), arch="arm64"),
                "127.0.0.1:1/index:1": Index([self.app(file("app", "x"), arch=arch) for arch in ("arm64", "riscv64")]),
            }
        )
        self.refused("a single image", self.service("127.0.0.1:1/single:1"), "")
        self.refused("an index", self.service("127.0.0.1:1/index:1"), "")

    def test_escaping_layers(self):
        """paths, symlinks and hard links that lead out of the root"""
        self.refuses_layer("a path with ..", [[file("../evil", "x")]], "")
        self.refuses_layer("a path with .. further on", [[file("etc/../../evil", "x")]], "")
        self.refuses_layer("a hard link with ..", [[file("a", "x"), link("b", "../../etc/passwd")]], "")
        self.refuses_layer("a hard link to nothing", [[link("b", "absent")]], "")

    def test_harmless_escapes(self):
        """what only looks like an escape stays within the image's root"""
        os.makedirs(self.path("target"))
        victim = self.write("target/file", "untouched")
        entries = [
            file("/absolute", "relative to the root"),
            symlink("way-out", self.path("target")),
            file("way-out/file", "through the symlink?"),
            symlink("passwd", "../../../../../../etc/passwd"),
            file("real", "x"),
            link("hard", "/real"),
        ]
        self.store_images({"example.org/app:1": self.app(*entries)})
        self.succeeds(self.kiln.build(self.service(), "-f", "tar"))
        nodes = read(os.path.join(self.kiln.out, "os.tar"))
        root = "containers/services/app/lower/"
        self.assertEqual(nodes[root + "absolute"].kind, "file")
        self.assertEqual(nodes[root + "passwd"].target, "../../../../../../etc/passwd")
        self.assertEqual(nodes[root + "hard"].content, nodes[root + "real"].content)
        with open(victim, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), "untouched")
        self.assertEqual(os.listdir(self.path("target")), ["file"])
        self.checked("absolute paths and links are taken from the image's root; symlinks are data and followed by nobody")

    def test_broken_layers(self):
        """tars that are cut off, have a wrong checksum or unknown entries"""
        whole = layer.tar([file("a", b"x" * 5000), file("b", "y")])
        self.refuses_layer("cut off in content", [whole[:2000]], "", compression="none")
        self.refuses_layer("cut off in a header", [whole[: 512 + 5120 + 100]], "", compression="none")
        wrong = bytearray(whole)
        wrong[0] ^= 1
        self.refuses_layer("a wrong checksum", [bytes(wrong)], "", compression="none")
        self.refuses_layer("no tar", [b"this is not a tar archive, " * 100], "", compression="none")
        image = Image([[file("a", "x" * 5000)]], config=samples.COMMAND)
        for what, change in {"a cut-off gzip": lambda data: data[:-20], "a gzip with a wrong byte": flip_in_the_middle}.items():
            broken = replaced_layer(image, change(image.blobs[image.layer_digests[0]]))
            shutil.rmtree(self.kiln.store, ignore_errors=True)
            self.store_images({"example.org/app:1": broken})
            self.refused(what, self.service(), "".format(LAYER1=broken.layer_digests[0]))

    def test_tar_bomb(self):
        """a small blob that unpacks to a very large tar"""
        zeros = 300 << 20
        bomb = layer.entry_bytes(file("small", "x")) + layer.entry_bytes(file("zeros", bytes(zeros)))
        # Compressed twice: zeros give 1000:1 by gzip, but 30000:1 by zstd.
        self.refuses_layer("300 MB of zeros in a few kB", [bomb], "", compression="zstd")

    def test_full_disk(self):
        """no space left, for the store and for the outputs"""
        self.needs_root("mount a small file system")
        self.needs("unshare")
        images, configuration = samples.small()
        big = {**images, "example.org/small/app:1": self.app(file("app", samples.noise(6_000_000, "big")))}
        self.store_images(big)
        yaml = self.write_system(configuration)
        mount = 'mount -t tmpfs -o size=2m none "$1" && shift && exec "$@"'
        self.refused("outputs", yaml, "", prefix=["unshare", "--mount", "sh", "-c", mount, "sh", os.path.join(self.kiln.out)])
        derived = os.path.join(self.kiln.store, "kiln")
        shutil.rmtree(derived)
        os.makedirs(derived)
        self.refused("store", yaml, "", prefix=["unshare", "--mount", "sh", "-c", mount, "sh", derived])
        self.assertEqual(Layout(self.kiln.store).problems(), [])
        self.succeeds(self.kiln.build(yaml, "-f", "tar,kernel+initrd"))
        self.checked("with space again, the same store builds")


class Registries(BadInput):
    def setUp(self):
        super().setUp()
        self.registry = FaultyRegistry()
        self.addCleanup(self.registry.stop)
        self.image = self.app(file("app", samples.noise(300_000, "app")))
        self.registry.add("app:1", self.image)
        self.name = self.registry.host + "/app:1"
        self.layer = self.image.layer_digests[0]

    def refused_pull(self, what, stderr, *faults, name=None, **more):
        self.registry.faults[:] = faults
        shutil.rmtree(self.kiln.store, ignore_errors=True)
        words = {
            "HOST": self.registry.host,
            "LAYER": self.layer,
            "CONFIG": self.image.config_digest,
            "MANIFEST": self.image.descriptor["digest"],
        }
        stderr = stderr.format(**words)
        self.refused(what, self.service(name or self.name), stderr, env={"KILN_REGISTRY_STALL_SECONDS": "1"}, **more)
        self.assertEqual(Layout(self.kiln.store).problems(), [])
        self.assertEqual(Layout(self.kiln.store).names(), {})

    def pulls(self, what, *faults):
        """The faults pass, and the build is right."""
        self.registry.faults[:] = faults
        self.registry.requests.clear()
        shutil.rmtree(self.kiln.store, ignore_errors=True)
        result = self.kiln.build(self.service(self.name), "-f", "tar", env={"KILN_REGISTRY_STALL_SECONDS": "1"})
        self.succeeds(result)
        nodes = read(os.path.join(self.kiln.out, "os.tar"))
        self.assertEqual(nodes["containers/services/app/lower/app"].size, 300_000)
        self.checked(f"{what}: the build is right")
        return self.registry.asked(self.layer)

    def test_missing(self):
        """a registry, an image, a platform that is not there"""
        self.refused_pull("no image", "", name=self.registry.host + "/absent:1")
        self.refused_pull("no tag", "", name=self.registry.host + "/app:2")
        self.refused_pull("no digest", "", name=self.registry.host + "/app@sha256:" + "0" * 64)
        self.refused_pull("another architecture", "", arch="arm64")
        self.registry.add("index:1", Index([self.image]))
        self.refused_pull("a platform an index lacks", "", name=self.registry.host + "/index:1", arch="arm64")
        self.refused_pull("no registry", "", name="127.0.0.1:1/app:1")

    def test_lies(self):
        """manifests, configs and layers that are not what their digest says"""
        data = self.image.blobs[self.layer]
        self.refused_pull("a layer with another byte", "", Fault(self.layer, -1, body=data[:9] + b"?" + data[10:]))
        self.refused_pull("a layer that is shorter", "", Fault(self.layer, -1, body=data[:-100]))
        self.refused_pull("a layer that is longer", "", Fault(self.layer, -1, body=data + b"more"))
        config = self.image.blobs[self.image.config_digest]
        self.refused_pull("a config with another byte", "", Fault(self.image.config_digest, -1, body=config.replace(b"linux", b"Linux")))
        manifest = self.image.manifest
        by_digest = f"{self.registry.host}/app@{self.image.descriptor['digest']}"
        self.refused_pull("a manifest with another byte", "", Fault("/manifests/", -1, body=manifest + b" "), name=by_digest)
        self.refused_pull("a manifest cut off", "", Fault("/manifests/", -1, body=manifest[:-50]))
        self.refused_pull("a manifest that is HTML", "", Fault("/manifests/", -1, body=b"<html>log in</html>"))

    def test_500(self):
        """answers of 500: tried again, and given up in the end"""
        self.pulls("two 500s for the layer", Fault(self.layer, 2, status=500))
        self.assertEqual(len(self.registry.asked(self.layer)), 3)
        self.pulls("a 503 for the manifest", Fault("/manifests/", 1, status=503, headers=(("Retry-After", "1"),)))
        self.refused_pull("500 for ever", "", Fault(self.layer, -1, status=500))

    def test_cut_off(self):
        """connections that break: resumed where they broke"""
        asked = self.pulls("cut off in the middle", Fault(self.layer, 1, cut_after=100_000))
        self.assertEqual([request[2] for request in asked], ["", "bytes=100000-"])
        asked = self.pulls("cut off thrice", Fault(self.layer, 3, cut_after=50_000))
        self.assertEqual([request[2] for request in asked][1:], ["bytes=50000-", "bytes=100000-", "bytes=150000-"])
        self.pulls("by a server without ranges", Fault(self.layer, 1, cut_after=100_000), Fault(self.layer, 1, no_ranges=True))
        self.refused_pull("cut off before the first byte, always", "", Fault(self.layer, -1, cut_after=0))

    def test_stalls(self):
        """connections on which nothing comes any more"""
        asked = self.pulls("stalled in the middle", Fault(self.layer, 1, stall_after=100_000))
        self.assertEqual([request[2] for request in asked], ["", "bytes=100000-"])
        self.refused_pull("stalled always", "", Fault(self.layer, -1, stall_after=0))

    def test_killed_pull_is_resumed(self):
        """a pull that was killed goes on where it was"""
        self.registry.faults[:] = [Fault(self.layer, 1, stall_after=200_000)]
        process = self.kiln.start("build", "--arch", "amd64", "-f", "tar", "--dir", self.kiln.out, self.service(self.name))
        import time

        deadline = time.monotonic() + 20
        while not self.registry.asked(self.layer) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.7)
        process.kill()
        process.wait()
        self.registry.faults.clear()
        self.registry.requests.clear()
        self.succeeds(self.kiln.build(self.service(self.name), "-f", "tar"))
        ranges = [request[2] for request in self.registry.asked(self.layer)]
        self.assertEqual(len(ranges), 1)
        self.assertRegex(ranges[0], r"bytes=[1-9]\d*-")
        self.checked(f"the next build asked for {ranges[0]}")


def flip_in_the_middle(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def replaced_layer(image, data):
    """The image with other bytes as its first layer, all digests of the blobs right."""
    old = image.layer_digests[0]
    manifest = json.loads(image.manifest)
    manifest["layers"][0]["digest"], manifest["layers"][0]["size"] = digest_of(data), len(data)
    image.blobs.pop(old)
    image.blobs.pop(image.descriptor["digest"])
    image.blobs[digest_of(data)] = data
    image.manifest = json.dumps(manifest).encode()
    image.descriptor = {**image.descriptor, "digest": digest_of(image.manifest), "size": len(image.manifest)}
    image.blobs[image.descriptor["digest"]] = image.manifest
    image.layer_digests = [digest_of(data)]
    return image


if __name__ == "__main__":
    case.main()
