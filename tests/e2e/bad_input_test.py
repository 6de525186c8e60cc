#!/usr/bin/env python3
"""Bad input of every kind: each with its whole message, and without a trace in the outputs."""

import json
import os
import re
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
        result = self.kiln.build(*files, "--quiet", "-f", "tar,kernel+initrd", *options, arch=arch, **more)
        for text in (self.work, os.path.realpath(self.work)):
            result.stderr = result.stderr.replace(text, "WORK")
        # As libcurl 8 of Debian 13 words it.
        result.stderr = re.sub(r"end of response with (\d+) bytes missing", r"transfer closed with \1 bytes remaining to read", result.stderr)
        if isinstance(stderr, re.Pattern):
            self.assertRegex(result.stderr, re.compile(r"\A" + stderr.pattern + r"\Z"))
            stderr = result.stderr
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
        first = image.layer_digests[0]
        self.refused(what, self.service(), stderr.format(LAYER1=first, SIZE1=len(image.blobs[first])))


class Configurations(BadInput):
    def test_unknown_key(self):
        """unknown keys: the position and the nearest known one"""
        self.refused(
            "a key",
            self.yaml("kernel:\n  image: a\n  cmdlin: x\n"),
            "error: WORK/os.yml:3:3: unknown key 'cmdlin' in 'kernel'; did you mean 'cmdline'?\n",
        )
        self.refused(
            "a section",
            self.yaml("kernel:\n  image: a\nservice:\n  - name: b\n    image: c\n"),
            "error: WORK/os.yml:3:1: unknown key 'service' in the document; did you mean 'services'?\n",
        )

    def test_wrong_type(self):
        """wrong types"""
        self.refused(
            "a string for a list",
            self.yaml("init: busybox\n"),
            "error: WORK/os.yml:1:7: 'init': expected a list, got the string 'busybox'\nhint: write ['busybox']\n",
        )
        self.refused(
            "yes for a bool",
            self.yaml("services:\n  - name: a\n    image: b\n    readonly: yes\n"),
            "error: WORK/os.yml:4:15: 'readonly' of service 'a': expected true or false, got the string 'yes'\n"
            "hint: write true\n",
        )

    def test_several_mistakes(self):
        """all mistakes of all files at once"""
        first = self.write("first.yml", "kernel:\n  imag: a\ninit: 5\n")
        second = self.write("second.yml", "services:\n  - nam: a\n    image: b\nfiles:\n  - contents: x\n")
        self.refused(
            "five mistakes in two files",
            [first, second],
            "error: WORK/first.yml:2:3: unknown key 'imag' in 'kernel'; did you mean 'image'?\n"
            "WORK/first.yml:3:7: 'init': expected a list, got the integer 5 (write [5])\n"
            "WORK/second.yml:2:5: service item 1: name is missing\n"
            "WORK/second.yml:2:5: unknown key 'nam' in service item 1; did you mean 'name'?\n"
            "WORK/second.yml:5:5: file item 1: did not specify path for file\n",
        )

    def test_not_yaml(self):
        """text that is not YAML, and a file that is not there"""
        self.refused(
            "a stray bracket",
            self.yaml("kernel: [\n"),
            "error: WORK/os.yml:1:9: not valid YAML: end of sequence flow not found\n",
        )
        self.refused(
            "no such file", self.path("absent.yml"), "error: opening 'WORK/absent.yml': No such file or directory\n"
        )

    def test_names(self):
        """names that occur twice or cannot be directories"""
        twice = [{"name": "web", "image": "a"}, {"name": "web", "image": "b"}]
        self.refused(
            "two services of one name",
            self.write_system({"services": twice}),
            "error: WORK/os.yml:8:12: duplicate service name: 'web', first given at WORK/os.yml:4:12\n",
        )
        first = self.write_system({"services": twice[:1]}, "first.yml")
        second = self.write_system({"services": twice[1:]}, "second.yml")
        self.refused(
            "in two files",
            [first, second],
            "error: WORK/second.yml:4:12: duplicate service name: 'web', first given at WORK/first.yml:4:12\n",
        )
        self.refused(
            "a name with ..",
            self.write_system({"services": [{"name": "../evil", "image": "a"}]}),
            "error: WORK/os.yml:4:12: service '../evil': name '../evil' has a '/' in it\n"
            "hint: it becomes the name of a directory\n",
        )

    def test_files(self):
        """sources that cannot be read, and kinds that contradict each other"""
        self.refused(
            "no source",
            self.write_system({"files": [{"path": "etc/x", "source": "absent"}]}),
            "error: WORK/os.yml:3:3: file 'etc/x': its source 'absent' does not exist\n"
            "hint: create it, or say `optional: true` if the image can do without; sources are relative to the working "
            "directory\n",
        )
        self.refused(
            "a directory",
            self.write_system({"files": [{"path": "etc/x", "source": self.work}]}),
            "error: WORK/os.yml:3:3: file 'etc/x': 'WORK' is not a regular file\n",
        )
        both = {"path": "etc/x", "contents": "a", "source": "b"}
        self.refused(
            "contents and source",
            self.write_system({"files": [both]}),
            "error: WORK/os.yml:6:14: file 'etc/x': specified Contents and Source for file: etc/x\n",
        )
        self.refused(
            "a path out of the root",
            self.write_system({"files": [{"path": "../x", "contents": "a"}]}),
            "error: WORK/os.yml:4:12: file '../x': path '../x' has a component '..'\n",
        )

    def test_kernel(self):
        """kernel images without the kernel or its modules"""
        images = {
            "example.org/no-kernel:1": self.app(file("vmlinuz", "k")),
            "example.org/no-tar:1": self.app(file("kernel", "k")),
            "example.org/bad-tar:1": self.app(file("kernel", "k"), file("kernel.tar", b"not a tar" * 100)),
        }
        self.store_images(images)
        where = "error: WORK/os.yml:3:12: did not find kernel"
        expected = {
            "example.org/no-kernel:1": f"{where} in kernel image 'example.org/no-kernel:1': it has no file 'kernel'\n"
            "hint: say with `binary:` what the kernel's file is called\n",
            "example.org/no-tar:1": f"{where} tar in kernel image 'example.org/no-tar:1': it has no file 'kernel.tar'\n"
            "hint: say with `tar:` what the modules' tar is called, or `tar: none` if there is none\n",
            "example.org/bad-tar:1": f"error: 'kernel.tar' in layer {images['example.org/bad-tar:1'].layer_digests[0]} of "
            "'example.org/bad-tar:1': layer entry 1: tar header at byte 0: its checksum is not a number, expected 46374\n",
        }
        for name in images:
            self.refused(name, self.write_system({"kernel": {"image": name}}), expected[name])

    def test_values(self):
        """values only the bundle's maker can judge"""
        self.store_images({"example.org/app:1": self.app(file("app", "x"))})
        service = {"name": "app", "image": "example.org/app:1"}
        for what, more, problem in (
            (
                "capabilities",
                {"capabilities": ["CAP_EVERYTHING", "CAP_KILL", "cap_chown"]},
                "7:5: item 1 of 'capabilities' of service 'app': unknown capability: 'CAP_EVERYTHING'\n"
                "WORK/os.yml:9:5: item 3 of 'capabilities' of service 'app': unknown capability: 'cap_chown'; did you mean 'CAP_CHOWN'?\n",
            ),
            (
                "a bind",
                {"binds": ["/etc"]},
                "7:5: item 1 of 'binds' of service 'app': cannot parse bind, missing ':': '/etc'\nhint: write SOURCE:DESTINATION[:OPTION,OPTION]\n",
            ),
            (
                "a user",
                {"uid": "nobody-here"},
                "5:13: services 'app': cannot find id: 'nobody-here'\nhint: use a number, root, or the name of a container\n",
            ),
            (
                "a limit",
                {"rlimits": ["nofile,many,5"]},
                "7:5: item 1 of 'rlimits' of service 'app': cannot parse rlimit: 'nofile,many,5': expected a number or unlimited, got 'many'\n",
            ),
        ):
            stderr = "error: WORK/os.yml:" + problem
            self.refused(what, self.write_system({"services": [{**service, **more}]}), stderr)
        label = {"Labels": {"org.mobyproject.config": '{"bind": ["/a:/a"]}'}, **samples.COMMAND}
        self.store_images({"example.org/label:1": self.app(file("app", "x"), config=label)})
        self.refused(
            "a label",
            self.service("example.org/label:1"),
            "error: WORK/os.yml:5:13: services 'app': label org.mobyproject.config of image 'example.org/label:1':1:2: "
            "unknown key 'bind' in the label; did you mean 'binds'?\n",
        )

    def test_command_line(self):
        """the command line"""
        ours = self.yaml("init: []\n")
        for arguments, stderr in {
            ("build", "--format", "qcow3", ours): "error: unknown format 'qcow3': expected one of docker, kernel+initrd, bzimage+initrd, tar, tar-kernel-initrd\n",
            ("build", "--compression", "lzma", ours): "error: compression 'lzma': expected none, gzip[:LEVEL] or zstd[:LEVEL]\n",
            ("build", "--compression", "zstd:99", ours): "error: zstd has no compression level 99, expected 1 to 22\n",
            ("build", "--arch", "sparc/64/x/y", ours): "error: platform 'sparc/64/x/y': expected os/architecture[/variant] or "
            "an architecture, like linux/arm64\n",
            ("build", "--dir", "absent", ours): "error: output directory 'absent' does not exist\n"
            "hint: create it first: mkdir -p 'absent'\n",
            ("build",): "error: FILE is required\nhint: see 'kiln build --help'\n",
            ("bild",): "error: unknown verb 'bild'\nhint: see 'kiln --help'\n",
            ("cache", "list"): "error: unknown verb 'list'\nhint: see 'kiln cache --help'\n",
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

        registry = FaultyRegistry()
        self.addCleanup(registry.stop)
        name = registry.host + "/app:1"
        where = f"error: WORK/os.yml:5:13: pulling '{name}': "
        lost = f"{where}registry '{registry.host}' has no such image\n"
        lost += "hint: check the name and the tag; a private image may need a login\n"
        for part, digest in digests.items():
            for how in ("cut off", "changed", "empty", "absent"):
                with self.subTest(part=part, how=how):
                    shutil.rmtree(self.kiln.store, ignore_errors=True)
                    layout = self.store_images({name: pristine})
                    if how == "absent":
                        os.unlink(layout.path(digest))
                    else:
                        data = damage(how)(pristine.blobs[digest])
                        with open(layout.path(digest), "wb") as stream:
                            stream.write(data)
                    stderr = lost
                    if how == "changed":
                        # Of the right size, so it is not missed until it is read, and then not pulled behind the user's back.
                        said = f"layer {digest} of '{name}': " if part == "layer" else "blob in the store: "
                        stderr = (where if part != "layer" else "error: ") + said
                        stderr += f"digest is {digest_of(data)}, expected {digest}\n"
                        stderr += f"hint: the stored blob is damaged; remove 'WORK/store/blobs/{digest.replace(':', '/')}' and pull "
                        stderr += "the image again\n"
                    self.refused(f"{part} {how}", self.service(name), stderr)

    def test_damaged_blobs_are_pulled_again(self):
        """what is missing or cut off in the store comes from the registry again"""
        registry = FaultyRegistry()
        self.addCleanup(registry.stop)
        name = registry.host + "/app:1"
        image = self.app(file("app", samples.noise(100_000, "app")))
        registry.add("app:1", image)
        for what, digest in {"manifest": image.descriptor["digest"], "config": image.config_digest, "layer": image.layer_digests[0]}.items():
            for kept in (-7, 0):
                shutil.rmtree(self.kiln.store, ignore_errors=True)
                layout = self.store_images({name: image})
                with open(layout.path(digest), "wb") as stream:
                    stream.write(image.blobs[digest][:kept])
                self.succeeds(self.kiln.build(self.service(name), "-f", "tar"))
                self.assertEqual(layout.problems(), [])
            self.checked(f"a {what} that was cut off, or is empty")

    def test_undetected_by_its_form(self):
        """a layer whose damage no format notices: one byte of an uncompressed file"""
        image = self.app(file("app", b"a" * 5000), compression="none")
        digest = image.layer_digests[0]
        layout = self.store_images({"example.org/app:1": image})
        data = image.blobs[digest].replace(b"aaaa", b"aaab", 1)
        with open(layout.path(digest), "wb") as stream:
            stream.write(data)
        self.refused(
            "one byte",
            self.service(),
            f"error: layer {digest} of 'example.org/app:1': digest is {digest_of(data)}, expected {digest}\n"
            f"hint: the stored blob is damaged; remove 'WORK/store/blobs/{digest.replace(':', '/')}' and pull the image again\n",
        )

    def test_store_itself(self):
        """a store that is none"""
        os.makedirs(self.kiln.store)
        with open(os.path.join(self.kiln.store, "index.json"), "w", encoding="utf-8") as stream:
            stream.write("{")
        self.refused(
            "a broken index.json",
            self.service(),
            "error: WORK/os.yml:5:13: pulling 'example.org/app:1': 'WORK/store/index.json': it is not valid JSON: syntax error "
            "or truncation at byte 2 of 1\n",
        )
        shutil.rmtree(self.kiln.store)
        self.write("store", "a file")
        self.refused(
            "a file",
            self.service(),
            "error: opening the image store: creating directory 'WORK/store/blobs/sha256': Not a directory\n",
        )

    def test_architecture(self):
        """an image of another architecture is not taken for ours"""
        self.store_images({"example.org/single:1": self.app(file("app", "x"), arch="arm64")})
        self.refused(
            "a single image",
            self.service("example.org/single:1"),
            "error: WORK/os.yml:5:13: pulling 'example.org/single:1': 'example.org/single:1': it is an image for linux/arm64, "
            "expected linux/amd64\nhint: build or pull the image for that platform, or choose another architecture\n",
        )

    def test_escaping_layers(self):
        """paths, symlinks and hard links that lead out of the root"""
        self.refuses_layer(
            "a path with ..",
            [[file("../evil", "x")]],
            "error: layer {LAYER1} of 'example.org/app:1': layer entry 1 '../evil': it leads out of the image's root\n",
        )
        self.refuses_layer(
            "a path with .. further on",
            [[file("etc/../../evil", "x")]],
            "error: layer {LAYER1} of 'example.org/app:1': layer entry 1 'etc/../../evil': it leads out of the image's root\n",
        )
        self.refuses_layer(
            "a hard link with ..",
            [[file("a", "x"), link("b", "../../etc/passwd")]],
            "error: layer {LAYER1} of 'example.org/app:1': layer entry 2 'b': it leads out of the image's root\n",
        )
        self.refuses_layer(
            "a hard link to nothing",
            [[link("b", "absent")]],
            "error: image 'example.org/app:1': layer 1 of 1: 'b': the target 'absent' of this hard link is not in this layer "
            "before it, nor in those below\n",
        )

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
        self.refuses_layer(
            "cut off in content",
            [whole[:2000]],
            "error: layer {LAYER1} of 'example.org/app:1': layer entry 1 'a': the tar is cut off at byte 2000, in the content of 'a'\n",
            compression="none",
        )
        self.refuses_layer(
            "cut off in a header",
            [whole[: 512 + 5120 + 100]],
            "error: layer {LAYER1} of 'example.org/app:1': layer entry 2: tar header at byte 5632: it is cut off after 100 bytes\n",
            compression="none",
        )
        wrong = bytearray(whole)
        wrong[0] ^= 1
        self.refuses_layer(
            "a wrong checksum",
            [bytes(wrong)],
            "error: layer {LAYER1} of 'example.org/app:1': layer entry 1: tar header at byte 0: its checksum is 3168, expected 3167\n",
            compression="none",
        )
        self.refuses_layer(
            "no tar",
            [b"this is not a tar archive, " * 100],
            "error: layer {LAYER1} of 'example.org/app:1': layer entry 1: tar header at byte 0: its checksum is not a number, expected 45028\n",
            compression="none",
        )
        image = Image([[file("a", "x" * 5000)]], config=samples.COMMAND)
        compressed = image.blobs[image.layer_digests[0]][:-20]
        # A header and a block of the type that is reserved (RFC 1951, 3.2.3).
        nonsense = bytes.fromhex("1f8b08000000000000ff07") + bytes(20)
        for what, data, problem in (
            ("a cut-off gzip", compressed, f"gzip stream is cut off at byte {len(compressed)}"),
            ("a gzip with nonsense in it", nonsense, r"gzip stream is damaged at byte \d+: invalid deflate block"),
        ):
            broken = replaced_layer(Image([[file("a", "x" * 5000)]], config=samples.COMMAND), data)
            shutil.rmtree(self.kiln.store, ignore_errors=True)
            self.store_images({"example.org/app:1": broken})
            name = f"layer {broken.layer_digests[0]} of 'example.org/app:1'"
            self.refused(what, self.service(), re.compile(f"error: {name}: blob: {problem}\n"))

    def test_tar_bomb(self):
        """a small blob that unpacks to a very large tar"""
        zeros = 300 << 20
        bomb = layer.entry_bytes(file("small", "x")) + layer.entry_bytes(file("zeros", bytes(zeros)))
        # Compressed twice: zeros give 1000:1 by gzip, but 30000:1 by zstd.
        self.refuses_layer(
            "300 MB of zeros in a few kB",
            [bomb],
            "error: layer {LAYER1} of 'example.org/app:1': layer: {SIZE1} bytes became more than 67371008 uncompressed, at most "
            "2000 times as many are accepted\n",
            compression="zstd",
        )

    def test_full_disk(self):
        """no space left, for the store and for the outputs"""
        self.needs_root("mount a small file system")
        self.needs("unshare")
        self.needs_mounted_root()
        images, configuration = samples.small()
        big = {**images, "example.org/small/app:1": self.app(file("app", samples.noise(6_000_000, "big")))}
        self.store_images(big)
        yaml = self.write_system(configuration)
        mount = 'mount -t tmpfs -o size=2m none "$1" && shift && exec "$@"'
        self.refused(
            "outputs",
            yaml,
            "error: writing 'WORK/out/os.tar': No space left on device\n",
            prefix=["unshare", "--mount", "sh", "-c", mount, "sh", self.kiln.out],
        )
        derived = os.path.join(self.kiln.store, "kiln")
        shutil.rmtree(derived)
        os.makedirs(derived)
        # Which segment is the first not to fit is up to the threads.
        self.refused(
            "store",
            yaml,
            re.compile(r"error: writing 'WORK/store/kiln/segments/[0-9a-f]{64}': No space left on device\n"),
            prefix=["unshare", "--mount", "sh", "-c", mount, "sh", derived],
        )
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
            "SIZE": len(self.image.blobs[self.layer]),
            "CONFIG": self.image.config_digest,
            "MANIFEST": self.image.descriptor["digest"],
        }
        if isinstance(stderr, str):
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
        self.refused_pull(
            "no image",
            "error: WORK/os.yml:5:13: pulling '{HOST}/absent:1': registry '{HOST}' has no such image\n"
            "hint: check the name and the tag; a private image may need a login\n",
            name=self.registry.host + "/absent:1",
        )
        self.refused_pull(
            "no tag",
            "error: WORK/os.yml:5:13: pulling '{HOST}/app:2': registry '{HOST}' has no such image\n"
            "hint: check the name and the tag; a private image may need a login\n",
            name=self.registry.host + "/app:2",
        )
        self.refused_pull(
            "no digest",
            "error: WORK/os.yml:5:13: pulling '{HOST}/app@sha256:" + "0" * 64 + "': registry '{HOST}' has no such image\n"
            "hint: check the name and the tag; a private image may need a login\n",
            name=self.registry.host + "/app@sha256:" + "0" * 64,
        )
        self.refused_pull(
            "another architecture",
            "error: WORK/os.yml:5:13: pulling '{HOST}/app:1': image: it is an image for linux/amd64, expected linux/arm64\n"
            "hint: build or pull the image for that platform, or choose another architecture\n",
            arch="arm64",
        )
        self.registry.add("index:1", Index([self.image]))
        self.refused_pull(
            "a platform an index lacks",
            "error: WORK/os.yml:5:13: pulling '{HOST}/index:1': there is no image for linux/arm64; there is: linux/amd64\n",
            name=self.registry.host + "/index:1",
            arch="arm64",
        )
        # How many milliseconds it took to be refused is libcurl's to say.
        self.refused_pull(
            "no registry",
            re.compile(
                r"error: WORK/os.yml:5:13: pulling '127\.0\.0\.1:1/app:1': registry '127\.0\.0\.1:1': Failed to connect to "
                r"127\.0\.0\.1 port 1 after \d+ ms: [^\n]*, 6 times in a row\n"
            ),
            name="127.0.0.1:1/app:1",
        )

    def test_lies(self):
        """manifests, configs and layers that are not what their digest says"""
        data = self.image.blobs[self.layer]
        other = data[:9] + b"?" + data[10:]
        at_layer = "error: WORK/os.yml:5:13: pulling '{HOST}/app:1': layer 1 of 1 ({LAYER}): "
        damaged = "hint: the registry, or a proxy on the way to it, has damaged the "
        self.refused_pull(
            "a layer with another byte",
            at_layer + f"digest is {digest_of(other)}, expected {self.layer}\n{damaged}layer; try again\n",
            Fault(self.layer, -1, body=other),
        )
        self.refused_pull(
            "a layer that is shorter",
            at_layer + f"the registry has {len(data) - 100} bytes, expected {len(data)}\n",
            Fault(self.layer, -1, body=data[:-100]),
        )
        self.refused_pull(
            "a layer that is longer",
            at_layer + f"the registry has {len(data) + 4} bytes, expected {len(data)}\n",
            Fault(self.layer, -1, body=data + b"more"),
        )
        config = self.image.config_digest
        other = self.image.blobs[config].replace(b"linux", b"Linux")
        self.refused_pull(
            "a config with another byte",
            "error: WORK/os.yml:5:13: pulling '{HOST}/app:1': config: "
            + f"digest is {digest_of(other)}, expected {config}\n",
            Fault(config, -1, body=other),
        )
        manifest = self.image.manifest
        expected = self.image.descriptor["digest"]
        for what, other, reference in (
            ("a manifest with another byte", manifest + b" ", "@" + expected),
            ("a manifest cut off", manifest[:-50], ":1"),
            ("a manifest that is HTML", b"<html>log in</html>", ":1"),
        ):
            self.refused_pull(
                what,
                "error: WORK/os.yml:5:13: pulling '{HOST}/app" + f"{reference}': manifest: digest is {digest_of(other)}, expected "
                f"{expected}\n{damaged}manifest; try again\n",
                Fault("/manifests/", -1, body=other),
                name=f"{self.registry.host}/app{reference}",
            )

    def test_500(self):
        """answers of 500: tried again, and given up in the end"""
        self.pulls("two 500s for the layer", Fault(self.layer, 2, status=500))
        self.assertEqual(len(self.registry.asked(self.layer)), 3)
        self.pulls("a 503 for the manifest", Fault("/manifests/", 1, status=503, headers=(("Retry-After", "1"),)))
        self.refused_pull(
            "500 for ever",
            "error: WORK/os.yml:5:13: pulling '{HOST}/app:1': layer 1 of 1 ({LAYER}): "
            "registry '{HOST}': got 0 of {SIZE} bytes, then 6 times in a row: it answered 500 ('UNKNOWN: told to fail')\n"
            "hint: try again: what was received is kept and continued\n",
            Fault(self.layer, -1, status=500),
        )

    def test_cut_off(self):
        """connections that break: resumed where they broke"""
        asked = self.pulls("cut off in the middle", Fault(self.layer, 1, cut_after=100_000))
        self.assertEqual([request[2] for request in asked], ["", "bytes=100000-"])
        asked = self.pulls("cut off thrice", Fault(self.layer, 3, cut_after=50_000))
        self.assertEqual([request[2] for request in asked][1:], ["bytes=50000-", "bytes=100000-", "bytes=150000-"])
        self.pulls("by a server without ranges", Fault(self.layer, 1, cut_after=100_000), Fault(self.layer, 1, no_ranges=True))
        self.refused_pull(
            "cut off before the first byte, always",
            "error: WORK/os.yml:5:13: pulling '{HOST}/app:1': layer 1 of 1 ({LAYER}): "
            "registry '{HOST}': got 0 of {SIZE} bytes, then 6 times in a row: '{HOST}': the connection was cut off (transfer closed with {SIZE} bytes remaining to read)\n"
            "hint: try again: what was received is kept and continued\n",
            Fault(self.layer, -1, cut_after=0),
        )

    def test_stalls(self):
        """connections on which nothing comes any more"""
        asked = self.pulls("stalled in the middle", Fault(self.layer, 1, stall_after=100_000))
        self.assertEqual([request[2] for request in asked], ["", "bytes=100000-"])
        self.refused_pull(
            "stalled always",
            "error: WORK/os.yml:5:13: pulling '{HOST}/app:1': layer 1 of 1 ({LAYER}): "
            "registry '{HOST}': got 0 of {SIZE} bytes, then 6 times in a row: '{HOST}': nothing was transferred for 1 s\n"
            "hint: try again: what was received is kept and continued\n",
            Fault(self.layer, -1, stall_after=0),
        )

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
