"""Image sets that several tests build from."""

import random

from kiln_test import layer
from kiln_test.image import Image
from kiln_test.layer import block, char, directory, fifo, file, link, opaque, sparse, symlink, whiteout

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")  # security.capability: cap_net_bind_service
LONG = "a-directory-with-a-rather-long-name/" * 7 + "and-a-file-below-it-whose-path-has-more-than-255-bytes"


def noise(size, seed):
    """Bytes no compressor makes smaller; the same on every run."""
    return random.Random(seed).randbytes(size)


def text(size, seed):
    """Bytes a compressor makes much smaller."""
    words = [b"alpha ", b"beta\n", b"gamma ", b"delta;", b"epsilon\t"]
    chosen = random.Random(seed).choices(words, k=size // 5 + 1)
    return b"".join(chosen)[:size]


# What the search for zstd support in a kernel finds in one that has it.
KERNEL = b"not really a kernel; ZSTD-compressed data is corrupt\n" + noise(200_000, "kernel")

MODULES = [
    directory("./", 0o755),
    directory("./lib/", 0o755),
    directory("./lib/modules/"),
    directory("./lib/modules/6.12.0/"),
    file("./lib/modules/6.12.0/modules.dep", "a.ko:\n"),
    file("./lib/modules/6.12.0/a.ko", noise(5000, "a.ko"), uid=3),
    directory("./boot/"),
    file("./boot/dtb/board.dtb", noise(300, "dtb")),
]

KERNEL_LAYERS = [
    [
        file("kernel", KERNEL, 0o600),
        file("kernel.tar", layer.tar(MODULES)),
        file("ucode.cpio", noise(333, "ucode")),
        file("System.map", "not part of the system\n"),
    ]
]

# An init image with what a base system has: /lib as a symlink, which the kernel's modules must follow; hard links,
# devices, set-id bits, capabilities, odd names and owners.
INIT_LAYERS = [
    [
        directory("usr", 0o755),
        directory("usr/lib/"),
        directory("usr/bin/"),
        symlink("lib", "usr/lib"),
        symlink("bin", "usr/bin"),
        file("usr/lib/libc.so", noise(70_000, "libc"), 0o755),
        file("usr/bin/busybox", noise(40_000, "busybox"), 0o755, mtime=1_650_000_000.25),
        link("usr/bin/sh", "usr/bin/busybox"),
        link("usr/bin/ls", "./usr/bin/busybox"),
        file("usr/bin/su", noise(3000, "su"), 0o4755),
        file("usr/bin/ping", noise(2000, "ping"), 0o755, xattrs={"security.capability": CAPABILITY, "user.note": b"tab\tand \xff\n"}),
        file("init", "#!/bin/sh\n", 0o755),
        directory("tmp", 0o1777),
        directory("root", 0o700),
        directory("etc", 0o700),
        file("etc/hosts", "of the image: replaced\n", 0o600),
        file("etc/hostname", "of the image: dropped\n"),
        file(".dockerenv", ""),
        directory("dev"),
        char("dev/null", 1, 3),
        char("dev/console", 5, 1),
        block("dev/sda", 8, 0, gid=6),
        fifo("run/initctl"),
        file("/absolute/path", "relative to the root\n"),
        file("usr/../etc/inside", "cleaned\n"),
        file("grüße/файл", "names need not be ASCII\n"),
        file(LONG, "long\n"),
        symlink("a-long-link", "../" * 50 + LONG),
        file("odd name with 'quotes' and \\", "x", 0o000),
        file("owner", "large numbers\n", uid=2_000_000_000, gid=4_000_000_000),
        file("empty", ""),
        link("empty-too", "empty"),
        file("twice", "the first\n"),
        file("twice", "the last of one layer wins\n", 0o640),
    ],
    [
        whiteout("usr/bin/su"),
        whiteout("not/there"),
        file("usr/bin/ls", "replaced: no longer linked\n", 0o755),
        directory("etc", 0o755, mtime=1_650_000_001),
        file("etc/issue", "welcome\n"),
    ],
]

# The base the services have in common, as a layer of its own and, in COPY_OF_BASE, as the same files in other layers.
BASE = [
    directory("usr/"),
    directory("usr/lib/"),
    directory("usr/share/"),
    symlink("lib", "usr/lib"),
    file("usr/lib/libc.so.6", noise(300_000, "libc6"), 0o755),
    file("usr/lib/libz.so.1", text(120_000, "libz"), 0o644),
    file("usr/share/zone", noise(3000, "zone")),
    link("usr/share/localtime", "usr/share/zone"),
    file("etc/passwd", "root:x:0:0::/:\n"),
    file("empty", ""),
]
COPY_OF_BASE = [entry for entry in BASE if "usr/share" not in entry.path] + [
    # The same bytes with another mode: another file. The same bytes under another name: the same file.
    file("usr/lib/libz.so.1", text(120_000, "libz"), 0o755),
    file("opt/zone", noise(3000, "zone")),
]

WEB_LAYERS = [
    BASE,
    [
        directory("srv"),
        directory("srv/www"),
        file("srv/www/old/index.html", "gone\n"),
        file("srv/www/data/a", "a\n"),
        file("srv/www/data/b", "b\n"),
        directory("srv/cache"),
        file("srv/cache/deep/er", "hidden by an opaque directory\n"),
        file("srv/original", noise(2000, "original")),
        file("srv/becomes-directory", "x"),
        directory("srv/becomes-file"),
        file("srv/becomes-file/x", "gone with it\n"),
        sparse("srv/sparse.img", 3_000_000, {0: text(512, 1), 1_499_648: noise(1024, "sparse"), 2_999_808: text(192, 2)}),
        sparse("srv/hole.img", 1_000_000, {4096: text(512, 3), 1_000_000: b""}),
        file("srv/large", noise(9_000_000, "large")),
    ]
    + [file(f"srv/many/{i:03}", text(10 * i + 1, i)) for i in range(300)],
    [
        file("srv/cache/new", "in front of the opaque whiteout in the archive\n"),
        opaque("srv/cache"),
        whiteout("srv/www/old"),
        whiteout("srv/www/data"),
        file("srv/www/data/c", "of the directory made anew\n"),
        directory("srv/www/data"),
        file("srv/becomes-directory/x", "y"),
        file("srv/becomes-file", "a file now\n"),
        file("srv/original2", noise(2000, "original2")),
        link("srv/kept-by-link", "srv/original2"),
    ],
    # The name goes, the content stays under its other name.
    [whiteout("srv/original2"), whiteout("srv/original"), symlink("etc/hosts", "../run/hosts"), symlink("etc/mtab", "../proc/self/mounts")],
]

SHELL_LAYERS = [COPY_OF_BASE, [file("usr/bin/dash", noise(50_000, "dash"), 0o755), link("usr/bin/sh", "usr/bin/dash")]]

ONBOOT_LAYERS = [BASE, [file("usr/bin/once", noise(20_000, "once"), 0o755, xattrs={"user.grüße": b"\x00\x01"})]]

COMMAND = {"Cmd": ["/bin/true"], "Env": ["PATH=/bin"]}


def everything(arch="amd64"):
    """name: Image of a system that has all the above, in all compressions."""
    return {
        "example.org/test/kernel:1": Image(KERNEL_LAYERS, arch),
        "example.org/test/init:1": Image(INIT_LAYERS, arch, ["gzip", "none"]),
        "example.org/test/once:1": Image(ONBOOT_LAYERS, arch, "zstd", config=COMMAND),
        "example.org/test/web:1": Image(WEB_LAYERS, arch, ["zstd", "gzip", "zstd", "none"], config=COMMAND),
        "example.org/test/shell:1": Image(SHELL_LAYERS, arch, "gzip", docker=True, config=COMMAND),
    }


FILES = [
    {"path": "etc/motd", "contents": "héllo\n", "mode": "0644"},
    {"path": "/var/lib/app/secret/key", "contents": "k", "uid": 7, "gid": "web"},
    {"path": "srv/empty", "directory": True, "mode": "0711", "gid": 9},
    {"path": "etc/link", "symlink": "/etc/motd"},
    {"path": "lib/firmware/blob", "contents": "through the symlink\n", "mode": "0600"},
    {"path": "containers/services/web/lower/etc/extra", "contents": "into a container\n", "mode": "0644"},
]


def system():
    """The configuration of `everything`."""
    return {
        "kernel": {"image": "example.org/test/kernel:1", "cmdline": "console=ttyS0 quiet", "ucode": "ucode.cpio"},
        "init": ["example.org/test/init:1"],
        "onboot": [
            {"name": "once", "image": "example.org/test/once:1", "readonly": True},
            {"name": "again", "image": "example.org/test/once:1"},
        ],
        "onshutdown": [{"name": "bye", "image": "example.org/test/shell:1", "readonly": True}],
        "services": [
            {"name": "web", "image": "example.org/test/web:1"},
            {"name": "shell", "image": "example.org/test/shell:1"},
        ],
        "files": FILES,
    }


def small(arch="amd64", seed="small"):
    """A quick system: its images and its configuration."""
    images = {
        "example.org/small/kernel:1": Image([[file("kernel", KERNEL), file("kernel.tar", layer.tar(MODULES))]], arch),
        "example.org/small/init:1": Image([[file("init", noise(5000, seed), 0o755)]], arch),
        "example.org/small/app:1": Image([[file("app", noise(50_000, seed + "app"), 0o755)]], arch, config=COMMAND),
    }
    configuration = {
        "kernel": {"image": "example.org/small/kernel:1", "cmdline": "console=ttyS0"},
        "init": ["example.org/small/init:1"],
        "services": [{"name": "app", "image": "example.org/small/app:1"}],
    }
    return images, configuration
