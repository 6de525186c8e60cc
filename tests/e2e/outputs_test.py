#!/usr/bin/env python3
"""Outputs of `kiln build` beside kernel and initramfs: LinuxKit's docker and tar-kernel-initrd, kernels unwrapped, SBOMs, and
builds that take what did not change from the tar of an earlier one."""

import datetime
import gzip
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, initramfs, layer, rawtar, tarball
from kiln_test.image import Attested, Image
from kiln_test.layer import directory, file, link
from kiln_test.tree import differences

VMLINUX = b"\x7fELF" + b"the kernel proper; ZSTD-compressed data is corrupt\n" * 500
MODULES = layer.tar([file("./lib/modules/m.ko", "module")])
DOCKERFILE = b'\nFROM scratch\n\nCOPY . ./\n\nENTRYPOINT ["/bin/rc.init"]\n'


def bzimage(payload):
    """A kernel of the x86 boot protocol 2.15, as far as its header counts (Documentation/arch/x86/boot.rst)."""
    sectors = 3
    header = bytearray((sectors + 1) * 512)
    header[0x1F1] = sectors
    header[0x1FE:0x200] = b"\x55\xaa"
    header[0x202:0x206] = b"HdrS"
    header[0x206:0x208] = struct.pack("<H", 0x020F)
    header[0x248:0x24C] = struct.pack("<I", 64)
    header[0x24C:0x250] = struct.pack("<I", len(payload))
    return bytes(header) + bytes(64) + payload + b"trailing code"


def system(kernel, cmdline="console=test"):
    images = {
        "example.test/kernel:1": Image([[file("kernel", kernel), file("kernel.tar", MODULES), file("ucode", b"microcode")]]),
        "example.test/init:1": Image([[file("init", "#!/bin/sh\n", 0o755), directory("bin")]]),
    }
    configuration = {
        "kernel": {"image": "example.test/kernel:1", "cmdline": cmdline, "ucode": "ucode"},
        "init": ["example.test/init:1"],
        "files": [{"path": "etc/motd", "contents": "hello", "mode": "0644"}],
    }
    return configuration, images


class Outputs(case.Case):
    def build(self, configuration, images, *options):
        if images:
            self.store_images(images)
        self.succeeds(self.kiln.build(self.write_system(configuration), *options))
        return self.kiln.outputs()

    def test_docker(self):
        """docker: the tar and a Dockerfile"""
        configuration, images = system(gzip.compress(VMLINUX))
        for strict in ((), ("--strict",)):
            outputs = self.build(configuration, images, "-f", "docker,tar", *strict)
            self.assertEqual(sorted(outputs), ["os.docker", "os.tar"])
            plain, _ = rawtar.read(outputs["os.tar"])
            docker, _ = rawtar.read(outputs["os.docker"])
            added = [entry for entry in docker if entry.path == "Dockerfile"]
            self.assertEqual([entry for entry in docker if entry.path != "Dockerfile"], plain)
            self.assertEqual([(e.content, e.mode, e.mtime, e.records) for e in added], [(DOCKERFILE, 0o644, 1492533000, {})])
            os.remove(os.path.join(self.kiln.out, "os.tar"))
            os.remove(os.path.join(self.kiln.out, "os.docker"))
        streamed = self.succeeds(self.kiln.run("build", "--arch", "amd64", "-f", "docker", "--o", self.path("stream"), self.path("os.yml")))
        self.assertEqual(streamed.stdout, "")
        entries, _ = rawtar.read(self.path("stream"))
        self.assertIn("Dockerfile", [entry.path for entry in entries])
        self.checked("the root tree, boot files included, and LinuxKit's Dockerfile; also as a stream")

    def test_tar_kernel_initrd(self):
        """tar-kernel-initrd: what a machine boots from, in one tar"""
        configuration, images = system(gzip.compress(VMLINUX))
        outputs = self.build(configuration, images, "-f", "tar-kernel-initrd,kernel+initrd")
        members, zeros = rawtar.read(outputs["os-initrd.tar"])
        self.assertEqual([(m.path, m.mode, m.mtime) for m in members], [(n, 0o644, 1492533000) for n in ("kernel", "initrd.img", "cmdline", "ucode.cpio")])
        self.assertEqual(zeros, 2)
        by_name = {member.path: member.content for member in members}
        self.assertEqual(by_name["kernel"], outputs["os-kernel"])
        self.assertEqual(by_name["cmdline"], outputs["os-cmdline"])
        self.assertEqual(by_name["ucode.cpio"], b"microcode")
        self.assertEqual(b"microcode" + bytes(-len(b"microcode") % 4) + by_name["initrd.img"], outputs["os-initrd.img"])
        configuration["kernel"].update({"cmdline": "", "ucode": ""})
        outputs = self.build(configuration, None, "-f", "tar-kernel-initrd")
        self.assertEqual([m.path for m in rawtar.read(outputs["os-initrd.tar"])[0]], ["kernel", "initrd.img"])
        self.checked("kernel, initrd.img, cmdline and ucode.cpio are those of kernel+initrd; what is empty is left out")

    def test_decompressed_kernel(self):
        """--decompress-kernel: gzip, bzImage with gzip and xz, and what cannot be"""
        import lzma

        for name, kernel in (
            ("gzip", gzip.compress(VMLINUX)),
            ("a bzImage around gzip", bzimage(gzip.compress(VMLINUX))),
            ("a bzImage around xz", bzimage(lzma.compress(VMLINUX) + struct.pack("<I", len(VMLINUX)))),
        ):
            configuration, images = system(kernel)
            outputs = self.build(configuration, images, "--decompress-kernel", "-f", "kernel+initrd,tar")
            self.assertEqual(outputs["os-kernel"], VMLINUX, name)
            for strict in ((), ("--strict",)):
                outputs = self.build(configuration, images, "--decompress-kernel", "-f", "tar", *strict)
                kernels = [entry for entry in rawtar.read(outputs["os.tar"])[0] if entry.path == "boot/kernel"]
                self.assertEqual([entry.content for entry in kernels], [VMLINUX], name)
            outputs = self.build(configuration, images)
            self.assertEqual(outputs["os-kernel"], kernel, name)
        self.checked("the kernel proper, in kernel+initrd and tar; without the flag the kernel as it came")
        for kernel, why in (
            (VMLINUX, "no compressed kernel or no supported format found: it is "),
            (bzimage(b"LZO? none of ours" * 9), "unsupported bzImage payload format at offset 2112"),
        ):
            configuration, images = system(kernel)
            self.store_images(images)
            result = self.kiln.build(self.write_system(configuration), "--decompress-kernel")
            self.assertEqual(result.status, 1)
            self.assertIn(why, result.stderr)
        self.checked("kernels that are not compressed, or in a way not known, are refused")


    def reuse(self, configuration, *options, tar="earlier.tar"):
        """A build that may take parts from an earlier tar; its outputs and what it says it took."""
        result = self.kiln.build(self.write_system(configuration), "--input-tar", self.path(tar), *options)
        self.succeeds(result)
        copied = [line for line in result.stderr.splitlines() if line.startswith("Copy ")]
        return self.kiln.outputs(), copied

    def test_input_tar(self):
        """--input-tar: what did not change comes from the tar, whatever has become of the images"""
        configuration, images = self.parts()
        before = self.build(configuration, images, "-f", "tar,kernel+initrd", "--strict")
        self.write("earlier.tar", before["os.tar"])
        # Every tag now stands for something else: whatever is not taken from the tar shows it.
        changed = {name: Image([[file("changed", name), file("kernel", b"k"), file("kernel.tar", MODULES)]]) for name in images}
        self.store_images(changed)
        outputs, copied = self.reuse(configuration, "-f", "tar,kernel+initrd", "--strict")
        self.assertEqual(outputs["os.tar"], before["os.tar"])
        self.assertEqual(differences(*(initramfs.read(out["os-initrd.img"][12:]) for out in (outputs, before))), [])
        self.assertEqual(outputs["os-kernel"], before["os-kernel"])
        self.assertEqual(copied, [
            "Copy kernel files from input tar: example.test/kernel:1",
            "Copy init files from input tar: example.test/init:1",
            "Copy init files from input tar: example.test/more:1",
            "Copy volume files from input tar: example.test/data:1",
            "Copy onboot files from input tar: example.test/web:1",
            "Copy services files from input tar: example.test/web:1",
            "Copy services files from input tar: example.test/db:1",
        ])  # fmt: skip
        self.checked("nothing changed: the same tar to the byte, the same initramfs, no image needed")

        configuration["services"][1]["command"] = ["other"]
        configuration["init"].append("example.test/db:1")
        configuration["files"][1]["contents"] = "new"
        outputs, copied = self.reuse(configuration, "-f", "tar", "--strict")
        ours = self.by_location(outputs["os.tar"])
        theirs = self.by_location(before["os.tar"])
        for location in ("kernel", "init[0]", "init[1]", "volume[0]", "onboot[0]", "services[0]"):
            self.assertEqual(ours[location], theirs[location], location)
        self.assertIn("containers/services/db/lower/changed", [entry.path for entry in ours["services[1]"]])
        self.assertIn("changed", [entry.path for entry in ours["init[2]"]])
        self.assertIn(b"new", [entry.content for entry in ours["files[1]"]])
        self.assertEqual(len(copied), 6)
        self.checked("what changed is built from its image, all else is the old tar's")

        configuration["onboot"] = []  # whose tree the first service shared
        outputs, copied = self.reuse(configuration, "-f", "tar", "--strict")
        paths = [entry.path for entry in self.by_location(outputs["os.tar"])["services[0]"]]
        self.assertIn("containers/services/web/lower/changed", paths)
        self.assertNotIn("Copy services files from input tar: example.test/web:1", copied)
        self.checked("a container is built anew when the container it shared its tree with is gone")

    def parts(self):
        """A system with every kind of part; the service `web` shares its image with the onboot container."""
        configuration, images = system(gzip.compress(VMLINUX))
        apk = "lib/apk/db/installed"
        images["example.test/init:1"] = Image([[file("init", "#!/bin/sh\n", 0o755), link("sbin/init", "init"), file(apk, "P:one\n")]])
        images["example.test/more:1"] = Image([[file(apk, "P:two\n"), file("init", "replaced", 0o700)]])
        images["example.test/data:1"] = Image([[directory("db"), file("db/x", "data", uid=5, xattrs={"user.a": b"1"})]])
        images["example.test/web:1"] = Image([[file("bin/web", "web", 0o755), link("bin/w", "bin/web"), file("./dotted", "")]])
        images["example.test/db:1"] = Image([[file("bin/db", "db", 0o755)]])
        configuration["init"].append("example.test/more:1")
        configuration["volumes"] = [{"name": "data", "image": "example.test/data:1"}]
        configuration["onboot"] = [{"name": "prepare", "image": "example.test/web:1"}]
        configuration["services"] = [
            {"name": "web", "image": "example.test/web:1", "binds": ["data:/data"]},
            {"name": "db", "image": "example.test/db:1", "uid": "web"},
        ]
        configuration["files"] = [{"path": "etc/config.yml", "metadata": "yaml"}, {"path": "etc/motd", "contents": "old"}]
        return configuration, images

    @staticmethod
    def by_location(tar):
        found = {}
        for entry in rawtar.read(tar)[0]:
            found.setdefault(entry.records.get("LINUXKIT.location"), []).append(entry)
        return found

    def test_input_tar_mistakes(self):
        """--input-tar: what is refused, and what has no effect"""
        configuration, images = self.parts()
        outputs = self.build(configuration, images, "-f", "tar", "--strict")
        self.write("earlier.tar", outputs["os.tar"])
        yaml = self.path("os.yml")
        result = self.kiln.build(yaml, "--input-tar", self.path("earlier.tar"), "--pull")
        self.fails_with(result, "error: --input-tar takes what is unchanged from a tar: it cannot be given with --pull\n")
        result = self.kiln.run("build", "--arch", "amd64", "--input-tar", self.path("earlier.tar"), "-o", self.path("earlier.tar"), yaml)
        self.fails_with(result, f"error: --input-tar and -o are the same file: '{self.path('earlier.tar')}'\n")
        self.write("broken.tar", layer.tar([file("etc/config.yml", "kernel: 7\n")]))
        result = self.kiln.build(yaml, "--input-tar", self.path("broken.tar"))
        self.assertEqual(result.status, 1)
        self.assertIn(f"error: invalid config in existing tar file '{self.path('broken.tar')}': ", result.stderr)
        self.write("other.tar", layer.tar([file("x", "")]))
        _, copied = self.reuse(configuration, "-f", "tar", tar="other.tar")
        self.assertEqual(copied, [])
        del configuration["files"][0]
        _, copied = self.reuse(configuration, "-f", "tar")
        self.assertEqual(copied, [])
        self.checked("--pull, the same file, a configuration that is none; without a configuration nothing is taken")

    def attested(self, layers, documents):
        return Attested(Image(layers), documents)

    def test_sbom(self):
        """--sbom: the SPDX documents of all images in one"""
        configuration, images = self.parts()
        images["example.test/more:1"] = Image([[file("init", "replaced", 0o700)]])
        images["example.test/init:1"] = self.attested(
            [[file("init", "i", 0o755)]],
            [{"spdxVersion": "SPDX-2.3", "packages": [{"name": "init", "SPDXID": "SPDXRef-1", "packageFileName": "./init"}],
              "relationships": [{"spdxElementId": "SPDXRef-1"}]}],
        )  # fmt: skip
        images["example.test/web:1"] = self.attested(
            [[file("bin/web", "w")]],
            [{"files": [{"fileName": "/bin/web", "SPDXID": "SPDXRef-2"}], "packages": [{"name": "web"}], "annotations": None},
             {"files": [{"fileName": "./lib//x"}], "hasExtractedLicensingInfos": [{"licenseId": "L"}], "externalDocumentRefs": [{"a": 1}]}],
        )  # fmt: skip
        outputs = self.build(configuration, images, "-f", "tar", "--sbom")
        node = tarball.read(outputs["os.tar"])["sbom.spdx.json"]
        self.assertEqual((node.mode, node.uid, node.mtime), (0o644, 0, 1492533000))
        self.write("os.tar", outputs["os.tar"])
        document = json.loads(tarball.content(self.path("os.tar"), "sbom.spdx.json"))
        namespace = document.pop("documentNamespace")
        self.assertRegex(namespace, "^https://github.com/linuxkit/linuxkit/sbom-[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        web = "containers/onboot/000-prepare/lower/"
        self.assertEqual(document, {
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "sbom",
            "creationInfo": {"licenseListVersion": "3.20", "creators": ["Organization: LinuxKit", "Tool: linuxkit"], "created": "2017-04-18T16:30:00Z"},
            "externalDocumentRefs": [{"a": 1}],
            "packages": [{"name": "init", "SPDXID": "SPDXRef-1", "packageFileName": "init"}, {"name": "web"}],
            "files": [{"fileName": web + "bin/web", "SPDXID": "SPDXRef-2"}, {"fileName": web + "lib/x"}],
            "hasExtractedLicensingInfos": [{"licenseId": "L"}],
            "relationships": [{"spdxElementId": "SPDXRef-1"}],
        })  # fmt: skip
        self.checked("packages, files below their container, licences, relationships; an image two containers share once")
        again = self.build(configuration, images, "-f", "tar", "--sbom", "--strict")
        last = rawtar.read(again["os.tar"])[0][-1]
        self.assertEqual((last.path, last.records), ("sbom.spdx.json", {}))
        self.write("strict.tar", again["os.tar"])
        self.assertEqual(tarball.content(self.path("strict.tar"), "sbom.spdx.json"), tarball.content(self.path("os.tar"), "sbom.spdx.json"))
        self.checked("the same document in every build, last in LinuxKit's tar and without records")
        outputs = self.build(configuration, images, "-f", "tar", "--sbom-output", "usr/share/all.json", "--sbom-current-time")
        self.write("os.tar", outputs["os.tar"])
        created = json.loads(tarball.content(self.path("os.tar"), "usr/share/all.json"))["creationInfo"]["created"]
        age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))
        self.assertLess(abs(age.total_seconds()), 600)
        outputs = self.build(configuration, images, "-f", "tar", "--no-sbom", "--sbom")
        self.assertNotIn("sbom.spdx.json", tarball.read(outputs["os.tar"]))
        images = {name: Image([[file("x"), file("kernel"), file("kernel.tar", MODULES)]]) for name in images}
        outputs = self.build(configuration, images, "-f", "tar", "--sbom")
        self.write("os.tar", outputs["os.tar"])
        self.assertNotIn("packages", json.loads(tarball.content(self.path("os.tar"), "sbom.spdx.json")))
        self.checked("--sbom-output, --sbom-current-time, --no-sbom; also written when no image has one")

    def test_sbom_of_foreign_images(self):
        """--sbom: images without an SPDX document are read: dpkg's and apk's databases; not as linuxkit"""
        paragraph = "Package: {}\nStatus: install ok {}\nArchitecture: amd64\nSource: src ({}-1)\nVersion: {}\n\n"
        configuration, images = system(gzip.compress(VMLINUX))
        images["example.test/deb:1"] = Image([
            [file("var/lib/dpkg/status", paragraph.format("old", "installed", 1, 1)), file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
             link("etc/os-release", "usr/lib/os-release")],
            [file("var/lib/dpkg/status", paragraph.format("libx", "installed", 2, "1:2+b1") + paragraph.format("gone", "config-files", 1, 1))],
        ])  # fmt: skip
        images["example.test/small:1"] = Image([
            [file("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nArchitecture: all\n"),
             file("var/lib/dpkg/status.d/tzdata.md5sums", "no database\n")],
        ])  # fmt: skip
        images["example.test/apk:1"] = Image([[file("lib/apk/db/installed", "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n")]])
        images["example.test/rpm:1"] = Image([[file("var/lib/rpm/rpmdb.sqlite", "x")]])
        configuration["services"] = [{"name": name, "image": f"example.test/{name}:1"} for name in ("deb", "small", "apk", "rpm")]
        self.store_images(images)
        yaml = self.write_system(configuration)
        result = self.succeeds(self.kiln.build(yaml, "-f", "tar", "--sbom"))
        self.write("os.tar", self.kiln.outputs()["os.tar"])
        document = json.loads(tarball.content(self.path("os.tar"), "sbom.spdx.json"))
        self.assertEqual([package["name"] for package in document["packages"]],
                         ["example.test/deb:1", "libx", "example.test/small:1", "tzdata", "example.test/apk:1", "musl"])  # fmt: skip
        urls = [package["externalRefs"][0]["referenceLocator"] for package in document["packages"] if "externalRefs" in package]
        self.assertEqual(urls, ["pkg:deb/debian/libx@1:2%2Bb1?arch=amd64&distro=debian-12", "pkg:deb/debian/tzdata@2024a?arch=all",
                                "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64"])  # fmt: skip
        self.assertEqual(len({package["SPDXID"] for package in document["packages"]}), 6)
        self.assertIn("warning: 'example.test/rpm:1' has packages of RPM, whose database Kiln does not read", result.stderr)
        self.checked("packages of the merged trees, with their purls; of RPM there is a warning")
        os.symlink(case.kiln.PROGRAM, self.path("linuxkit"))
        self.kiln.program = self.path("linuxkit")
        self.succeeds(self.kiln.build(yaml, "-f", "tar"))
        self.write("os.tar", self.kiln.outputs()["os.tar"])
        self.assertNotIn("packages", json.loads(tarball.content(self.path("os.tar"), "sbom.spdx.json")))
        self.checked("linuxkit's has what images bring along, and nothing else")
        images["example.test/apk:1"] = Image([[file("lib/apk/db/installed", "P:musl\n")]])
        self.store_images(images)
        self.kiln.program = case.kiln.PROGRAM
        result = self.kiln.build(yaml, "-f", "tar", "--sbom")
        self.assertRegex(result.stderr, r"(?m)^error: 'example\.test/apk:1': /lib/apk/db/installed:1: package 'musl' has no version \(V:\)\n"
                                        r"hint: .*--no-sbom.*$")  # fmt: skip
        self.checked("a damaged database is told")


if __name__ == "__main__":
    case.main()
