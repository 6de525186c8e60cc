"""An initramfs read as Linux reads it (Documentation/driver-api/early-userspace/buffer-format), and more strictly:
what the kernel would let pass with a broken root is an error here."""

import re
import stat
import struct
import subprocess
import zlib
from dataclasses import dataclass

from kiln_test.tree import Node, digest

_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFREG: "file",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
}
TRAILER = "TRAILER!!!"


@dataclass
class Piece:
    """A stretch of the file that is compressed on its own (one frame), or a run of plain bytes."""

    codec: str  # none, gzip, zstd
    offset: int
    raw: bytes
    data: bytes


@dataclass
class CpioEntry:
    path: str
    ino: int
    mode: int
    uid: int
    gid: int
    nlink: int
    mtime: int
    size: int
    identity: tuple
    device: tuple
    content: bytes


def _zstd_frame_end(data, at):
    """Where the frame that begins at `at` ends (RFC 8878, "Frames")."""
    descriptor = data[at + 4]
    single_segment = descriptor >> 5 & 1
    at += 5 + (0 if single_segment else 1) + (0, 1, 2, 4)[descriptor & 3]
    at += {0: single_segment, 1: 2, 2: 4, 3: 8}[descriptor >> 6]
    while True:
        header = int.from_bytes(data[at : at + 3], "little")
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        assert kind != 3, "a zstd block of the reserved type"
        at += 3 + (1 if kind == 1 else size)
        if last:
            return at + (4 if descriptor >> 2 & 1 else 0)


def _unzstd(frames):
    return subprocess.run(["zstd", "-q", "-d", "-c"], input=frames, capture_output=True, check=True).stdout


def _plain_end(data, at):
    """Where a run of plain cpio entries ends: at the first thing that is not an entry or a NUL."""
    while data[at : at + 6] == b"070701":
        size, name = (int(data[at + field : at + field + 8], 16) for field in (54, 94))
        at += (110 + name + 3) // 4 * 4
        at += (size + 3) // 4 * 4
    return at


def pieces(data):
    """The file cut into frames and plain stretches, NUL padding left out."""
    found = []
    at = 0
    while at < len(data):
        if data[at] == 0:
            at += 1
            continue
        assert at % 4 == 0, f"a segment begins at {at}, which is no multiple of 4"
        # The kernel skips NULs byte by byte; between compressed frames of one segment there are none to skip.
        while at < len(data) and data[at] != 0:
            begin = at
            if data[at : at + 4] == b"\x28\xb5\x2f\xfd":
                at = _zstd_frame_end(data, at)
                found.append(Piece("zstd", begin, data[begin:at], b""))
            elif data[at : at + 2] == b"\x1f\x8b":
                inflater = zlib.decompressobj(31)
                plain = inflater.decompress(data[at:])
                assert inflater.eof, f"the gzip member at {begin} is cut off"
                at = len(data) - len(inflater.unused_data)
                found.append(Piece("gzip", begin, data[begin:at], plain))
            else:
                assert data[at : at + 6] == b"070701", f"at {at} is neither cpio nor zstd nor gzip: {data[at:at + 8]!r}"
                at = _plain_end(data, at)
                found.append(Piece("none", begin, data[begin:at], data[begin:at]))
    for piece in found:
        if piece.codec == "zstd":
            piece.data = _unzstd(piece.raw)
    return found


def unpacked(data):
    """The whole as one plain cpio archive."""
    return b"".join(piece.data for piece in pieces(data))


def entries(archive):
    """The entries of a plain newc archive, and whether a trailer ended it."""
    found = []
    at = 0
    while at < len(archive):
        header = archive[at : at + 110]
        assert header[:6] == b"070701", f"no cpio header at {at}: {header[:8]!r}"
        fields = struct.unpack("8s" * 13, header[6:])
        ino, mode, uid, gid, nlink, mtime, size, major, minor, rmajor, rminor, name_size, _ = (int(f, 16) for f in fields)
        name = archive[at + 110 : at + 110 + name_size]
        assert name.endswith(b"\0") and b"\0" not in name[:-1], f"a bad name at {at}: {name!r}"
        body = (at + 110 + name_size + 3) // 4 * 4
        assert not any(archive[at + 110 + name_size : body]), f"padding at {at} is not NUL"
        at = (body + size + 3) // 4 * 4
        assert at <= len(archive), f"{name!r} is cut off"
        assert not any(archive[body + size : at]), f"padding after {name!r} is not NUL"
        path = name[:-1].decode("utf-8", "surrogateescape")
        found.append(
            CpioEntry(path, ino, mode, uid, gid, nlink, mtime, size, (major, minor, ino), (rmajor, rminor), archive[body : body + size])
        )
    return found


def read(data):
    """path: Node of an initramfs file's bytes. Every piece must consist of whole entries."""
    all_entries = []
    for piece in pieces(data):
        all_entries += entries(piece.data)
    assert all_entries[-1].path == TRAILER, "the last entry is not the trailer"
    assert all(entry.path != TRAILER for entry in all_entries[:-1]), "a trailer in the middle empties the kernel's link table"
    return tree_of(all_entries[:-1])


def tree_of(all_entries):
    nodes, inodes = {}, {}
    for entry in all_entries:
        path = entry.path
        assert path and not path.startswith("/") and "//" not in path and not path.endswith("/"), f"unclean path {path!r}"
        assert path not in nodes, f"{path!r} is written twice"
        parent = path.rpartition("/")[0]
        assert not parent or (parent in nodes and nodes[parent].kind == "directory"), f"{path!r} comes before its parent"
        nodes[path] = _node(entry, inodes)
    return nodes


def _node(entry, inodes):
    kind = _KINDS[stat.S_IFMT(entry.mode)]
    node = Node(kind, entry.mode & 0o7777, entry.uid, entry.gid, entry.mtime, device=entry.device)
    if kind == "symlink":
        node.target = entry.content.decode("utf-8", "surrogateescape")
    if kind == "directory":
        assert entry.nlink == 2 and entry.size == 0, f"{entry.path}: nlink {entry.nlink}, size {entry.size}"
    if kind != "file":
        return node
    if entry.nlink > 1 and entry.identity in inodes:
        # The kernel links when nlink and identity say so; content of a later name would be written over the first's.
        first = inodes[entry.identity]
        assert entry.size == 0, f"{entry.path}: a later name of a file carries content"
        assert (node.mode, node.uid, node.gid, node.mtime) == (first.mode, first.uid, first.gid, first.mtime), entry.path
        return first
    node.size, node.content = entry.size, digest(entry.content)
    if entry.nlink > 1:
        inodes[entry.identity] = node
        node.inode = entry.identity
    return node


def _unescaped(text):
    """Bytes that could be mistaken for something stand as a backslash and three octal digits."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), text).decode("utf-8", "surrogateescape")


def xattr_table(text):
    """The records of .kiln/xattrs: path: {name: value}. The form is guest/boot/xattrs.h's."""
    table = {}
    for line in text.splitlines():
        path, name, value = line.split(b"\t")
        assert path.startswith(b"/"), f"the path {path!r} of the table is not absolute"
        table.setdefault(_unescaped(path)[1:], {})[_unescaped(name)] = bytes.fromhex(value.decode())
    return table
