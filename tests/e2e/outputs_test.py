#!/usr/bin/env python3
"""Outputs of `kiln build` beside kernel and initramfs: LinuxKit's docker and tar-kernel-initrd, kernels unwrapped, SBOMs, and
builds that take what did not change from the tar of an earlier one."""

import gzip
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, initramfs, layer, rawtar, samples
from kiln_test.image import Image
from kiln_test.layer import directory, file

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


if __name__ == "__main__":
    case.main()
