#!/usr/bin/env python3
"""kiln build: the tar and the initramfs contain exactly the tree that a plain model of the merge says, to every reader."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, foreign, initramfs, model, samples, tarball
from kiln_test.tree import comparable, differences, link_groups


def expected_root(jsons):
    """What samples.system() must give; `jsons` has the bundles' JSON files, which another test judges (golden_test)."""
    container = lambda directory, layers, readonly, root=None: root_model.add_container(
        directory, layers, jsons[directory + "/config.json"], jsons[directory + "/runtime.json"], readonly, root
    )
    root_model = model.Root()
    kernel = samples.KERNEL_LAYERS[0]
    as_output = lambda entry: model.node_of(entry)
    root_model.add_kernel([samples.MODULES], "console=ttyS0 quiet", as_output(kernel[0]), as_output(kernel[2]))
    root_model.add_init(samples.INIT_LAYERS)
    first = container("containers/onboot/000-once", samples.ONBOOT_LAYERS, True)
    container("containers/onboot/001-again", samples.ONBOOT_LAYERS, False, first)
    shell = container("containers/onshutdown/000-bye", samples.SHELL_LAYERS, True)
    container("containers/services/web", samples.WEB_LAYERS, False)
    container("containers/services/shell", samples.SHELL_LAYERS, False, shell)
    # Numbers of containers begin at 100 in the order onboot, onshutdown, services: web is the fourth.
    root_model.add_files(
        [
            ("etc/motd", model.made_file("héllo\n".encode())),
            ("var/lib/app/secret/key", model.made_file(b"k", 0o600, 7, 103)),
            ("srv/empty", model.made_directory(0o711, 0, 9)),
            ("etc/link", model.made_symlink("/etc/motd")),
            ("lib/firmware/blob", model.made_file(b"through the symlink\n", 0o600)),
            ("containers/services/web/lower/etc/extra", model.made_file(b"into a container\n")),
        ]
    )
    return root_model


class Trees(case.Case):
    def build(self, *options):
        self.store_images(samples.everything())
        configuration = self.write_system(samples.system())
        self.succeeds(self.kiln.build(configuration, "-f", "tar,kernel+initrd", *options))
        self.assertEqual(sorted(os.listdir(self.kiln.out)), ["os-cmdline", "os-initrd.img", "os-kernel", "os.tar"])
        self.tar = os.path.join(self.kiln.out, "os.tar")
        self.initrd = self.kiln.outputs()["os-initrd.img"]

    def expected(self):
        jsons = {}
        for path in tarball.read(self.tar):
            if path.startswith("containers/") and path.count("/") == 3 and path.endswith(".json"):
                jsons[path] = tarball.content(self.tar, path)
        return expected_root(jsons)

    def same(self, got, expected):
        self.assertEqual(differences(got, expected), [])

    def split_ucode(self):
        """The initramfs without the microcode, which comes first as it is in the image."""
        ucode = samples.noise(333, "ucode")
        self.assertEqual(self.initrd[:333], ucode)
        self.assertEqual(self.initrd[333:336], bytes(3), "padding to 4 bytes")
        return self.initrd[336:]

    def test_outputs(self):
        """every output holds the tree of the model, to every reader"""
        self.build()
        root = self.expected()
        outputs = self.kiln.outputs()
        self.assertEqual(outputs["os-kernel"], samples.KERNEL)
        self.assertEqual(outputs["os-cmdline"], b"console=ttyS0 quiet")
        self.checked("kernel and cmdline are the image's, byte for byte")

        got = tarball.read(self.tar)
        self.same(got, root.tar())
        self.checked(f"the tar has the {len(got)} paths of the model: kinds, modes, owners, times, devices, contents")
        hard_links = {
            frozenset(paths) for paths in link_groups(root.tar()) if len(paths) > 1
        }
        self.assertEqual({frozenset(group) for group in link_groups(got)}, hard_links)
        self.checked(f"its {len(hard_links)} groups of hard links are those of the images")
        self.same(self.links_resolved(foreign.bsdtar(self.tar), got), got)
        self.checked("bsdtar reads the same tree from the tar")
        listed = self.tool("tar", "--quoting-style=literal", "-tf", self.tar).decode().splitlines()
        self.assertEqual(sorted(line.rstrip("/") for line in listed), sorted(got))
        self.checked("GNU tar lists the same paths")
        self.assertEqual({p: n.xattrs for p, n in got.items() if n.xattrs}, {p: n.xattrs for p, n in root.tar().items() if n.xattrs})
        self.checked("the extended attributes of the images are in the tar")

        data = self.split_ucode()
        self.assertEqual({piece.codec for piece in initramfs.pieces(data)}, {"zstd"})
        unpacked = initramfs.read(data)
        table = initramfs.xattr_table(self.xattr_file(data))
        for path in (".kiln", ".kiln/xattrs"):
            del unpacked[path]
        self.same(unpacked, root.initramfs())
        self.checked("the initramfs has the same tree; every frame consists of whole entries, no path twice, parents first")
        self.assertEqual(table, {p: n.xattrs for p, n in root.initramfs().items() if n.xattrs})
        self.checked(f".kiln/xattrs has the attributes of {len(table)} files")
        self.assertEqual(link_groups(unpacked), root.shared_files())
        self.checked(f"{len(root.shared_files())} groups of identical files are one inode each, across services")

    def xattr_file(self, data):
        return next(entry.content for entry in initramfs.entries(initramfs.unpacked(data)) if entry.path == ".kiln/xattrs")

    def links_resolved(self, listed, nodes):
        """bsdtar shows the later names of a file without content; which files those are is up to the archive. That they
        are links to the right file is what test_extraction shows."""
        for group in link_groups(nodes):
            later = [path for path in group if path in listed and not listed[path].size]
            self.assertLess(len(later), len(group) + (nodes[later[0]].size == 0 if later else 0), f"no name of {group} has content")
            for path in later:
                listed[path].size, listed[path].content = nodes[path].size, nodes[path].content
        return listed

    def test_foreign_readers_of_the_initramfs(self):
        """cpio and bsdtar list the unpacked initramfs as the tree that the tar has"""
        self.needs("cpio", "bsdtar")
        self.build("--compression", "gzip:1")
        data = self.split_ucode()
        self.assertEqual({piece.codec for piece in initramfs.pieces(data)}, {"gzip"})
        archive = self.write("plain.cpio", initramfs.unpacked(data))
        nodes = initramfs.read(data)
        listed = foreign.cpio(archive)
        self.assertEqual(sorted(listed), sorted(nodes))
        wrong = []
        for path, (kind, mode, uid, gid, number, target, _) in listed.items():
            node = nodes[path]
            expected = (node.kind, node.mode, node.uid, node.gid, node.target)
            if (kind, mode, uid, gid, target) != expected:
                wrong.append(f"{path}: cpio says {(kind, oct(mode), uid, gid, target)}, expected {expected}")
            if node.kind in ("char", "block") and number != "%d,%d" % node.device:
                wrong.append(f"{path}: cpio says device {number}")
        self.assertEqual(wrong, [])
        self.checked(f"cpio -itv lists {len(listed)} entries with the same modes, owners, devices and targets")
        self.same(self.links_resolved(foreign.bsdtar(archive), nodes), nodes)
        self.checked("bsdtar reads the same from it, contents included")

    def test_compressions_hold_the_same(self):
        """none, gzip and zstd give the same archive"""
        unpacked = {}
        for compression in ("none", "gzip:9", "zstd:1"):
            self.build("--compression", compression)
            unpacked[compression] = initramfs.unpacked(self.split_ucode())
        self.assertEqual(unpacked["none"], unpacked["gzip:9"])
        self.assertEqual(unpacked["none"], unpacked["zstd:1"])
        self.checked(f"the three unpack to the same {len(unpacked['none'])} bytes")

    def test_extraction(self):
        """tar and cpio extract the same files, hard links and owners included"""
        self.needs_root("extract owners and device nodes")
        self.needs("cpio", "tar")
        self.build("--compression", "none")
        plain = self.write("plain.cpio", initramfs.unpacked(self.split_ucode()))
        for name in ("by-tar", "by-cpio"):
            os.mkdir(self.path(name))
        self.tool("tar", "--numeric-owner", "-xpf", self.tar, "-C", self.path("by-tar"))
        with open(plain, "rb") as stream:
            self.tool("cpio", "-idm", "--quiet", stdin=stream, cwd=self.path("by-cpio"))
        shutil.rmtree(self.path("by-cpio", ".kiln"))
        for name in ("kernel", "cmdline", "ucode.cpio"):
            os.unlink(self.path("by-tar", "boot", name))
        expected = self.expected()
        by_tar, by_cpio = on_disk(self.path("by-tar")), on_disk(self.path("by-cpio"))
        # Unpacking writes into directories and thereby changes their times; the archives were compared before.
        for nodes in (by_tar, by_cpio):
            for node in nodes.values():
                node.mtime = 0 if node.kind in ("directory", "symlink") else node.mtime
        for node in expected.tree.values():
            node.mtime = 0 if node.kind in ("directory", "symlink") else node.mtime
        self.same(by_tar, expected.initramfs())
        self.same(by_cpio, expected.initramfs())
        self.checked(f"both give the {len(by_tar)} files of the model on a disk")
        self.assertEqual(link_groups(by_cpio), expected.shared_files())
        self.checked("cpio links the identical files of different services")


def on_disk(root):
    """The tree below a directory."""
    import hashlib
    import stat

    from kiln_test.tree import Node

    kinds = {
        stat.S_IFDIR: "directory",
        stat.S_IFREG: "file",
        stat.S_IFLNK: "symlink",
        stat.S_IFCHR: "char",
        stat.S_IFBLK: "block",
        stat.S_IFIFO: "fifo",
    }
    nodes = {}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            node = Node(kinds[stat.S_IFMT(status.st_mode)], stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
            node.mtime = int(status.st_mtime // 1)
            if node.kind == "file":
                with open(path, "rb") as stream:
                    node.size, node.content = status.st_size, hashlib.file_digest(stream, "sha256").hexdigest()
                node.inode = status.st_ino
            if node.kind == "symlink":
                node.target = os.readlink(path)
            if node.kind in ("char", "block"):
                node.device = (os.major(status.st_rdev), os.minor(status.st_rdev))
            nodes[os.path.relpath(path, root)] = node
    return nodes


if __name__ == "__main__":
    case.main()
