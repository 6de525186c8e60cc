"""Layers of images: tables of entries written as tar archives with every detail under the test's control.

Python's tarfile would decide about PAX records, sparse files and cleaned names by itself; here the test decides.
"""

import tarfile
from dataclasses import dataclass, field

BLOCK = 512
DEFAULT_TIME = 1_600_000_000


@dataclass
class Entry:
    """One entry of a layer, as it is to stand in the tar: nothing is cleaned or checked."""

    path: str
    kind: str  # file, directory, symlink, link, char, block, fifo
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = DEFAULT_TIME
    content: bytes = b""
    target: str = ""
    device: tuple = (0, 0)
    xattrs: dict = field(default_factory=dict)  # name: bytes
    holes: dict = None  # a sparse file: {offset: bytes}; content is then what a reader sees
    user: str = ""
    group: str = ""


def file(path, content=b"", mode=0o644, **more):
    return Entry(path, "file", mode, content=content.encode() if isinstance(content, str) else content, **more)


def directory(path, mode=0o755, **more):
    return Entry(path, "directory", mode, **more)


def symlink(path, target, **more):
    return Entry(path, "symlink", 0o777, target=target, **more)


def link(path, target, **more):
    return Entry(path, "link", target=target, **more)


def char(path, major, minor, mode=0o666, **more):
    return Entry(path, "char", mode, device=(major, minor), **more)


def block(path, major, minor, mode=0o660, **more):
    return Entry(path, "block", mode, device=(major, minor), **more)


def fifo(path, mode=0o600, **more):
    return Entry(path, "fifo", mode, **more)


def sparse(path, size, data, mode=0o644, **more):
    """A GNU sparse file (PAX format 1.0): `data` is {offset: bytes}, everything else a hole."""
    content = bytearray(size)
    for offset, piece in data.items():
        content[offset : offset + len(piece)] = piece
    return Entry(path, "file", mode, content=bytes(content), holes=dict(data), **more)


def whiteout(path):
    parent, _, name = path.rpartition("/")
    return file((parent + "/" if parent else "") + ".wh." + name, mode=0)


def opaque(path):
    return file(path + "/.wh..wh..opq", mode=0)


_TYPES = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "link": tarfile.LNKTYPE,
    "char": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}


def _padded(data):
    return data + bytes(-len(data) % BLOCK)


def _record(key, value):
    """A PAX record: its length counts itself."""
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length += 1
    return str(length).encode() + body


def _sparse_body(entry):
    """The map in front of the data (GNU tar manual, "PAX Format, Version 1.0")."""
    pieces = sorted(entry.holes.items())
    assert all(len(data) % BLOCK == 0 for _, data in pieces[:-1]), "GNU tar reads every piece from a block boundary"
    numbers = [len(pieces)]
    for offset, data in pieces:
        numbers += [offset, len(data)]
    text = "".join(f"{number}\n" for number in numbers).encode()
    return _padded(text) + b"".join(data for _, data in pieces)


def _header(entry, body):
    records = []
    name, target = entry.path, entry.target
    if entry.holes is not None:
        records += [_record("GNU.sparse.major", b"1"), _record("GNU.sparse.minor", b"0")]
        records += [_record("GNU.sparse.name", name.encode())]
        records += [_record("GNU.sparse.realsize", str(len(entry.content)).encode())]
        name = "GNUSparseFile.0/sparse"
    if len(name.encode()) > 100 or not name.isascii():
        records.append(_record("path", name.encode()))
        name = name.encode("ascii", "replace").decode()[:100]
    if len(target.encode()) > 100 or not target.isascii():
        records.append(_record("linkpath", target.encode()))
        target = target.encode("ascii", "replace").decode()[:100]
    if entry.mtime != int(entry.mtime):
        records.append(_record("mtime", f"{entry.mtime:.6f}".encode()))
    for number, key in ((entry.uid, "uid"), (entry.gid, "gid")):
        if number > 0o7777777:
            records.append(_record(key, str(number).encode()))
    records += [_record("SCHILY.xattr." + key, value) for key, value in sorted(entry.xattrs.items())]

    info = tarfile.TarInfo(name)
    info.type = _TYPES[entry.kind]
    info.mode, info.mtime, info.linkname = entry.mode, int(entry.mtime), target
    info.uid, info.gid = min(entry.uid, 0o7777777), min(entry.gid, 0o7777777)
    info.uname, info.gname = entry.user, entry.group
    info.devmajor, info.devminor = entry.device
    info.size = len(body)
    header = info.tobuf(tarfile.USTAR_FORMAT)
    if entry.kind == "directory" and not entry.path.endswith("/"):
        header = _without_slash(header)
    if not records:
        return header
    extended = tarfile.TarInfo("PaxHeaders.0/x")
    extended.type = tarfile.XHDTYPE
    data = b"".join(records)
    extended.size = len(data)
    return extended.tobuf(tarfile.USTAR_FORMAT) + _padded(data) + header


def _without_slash(header):
    """tarfile ends the names of directories in a slash; many builders of images do not."""
    name = header[:100].rstrip(b"\0")
    if not name.endswith(b"/"):
        return header
    header = bytearray(name[:-1].ljust(100, b"\0") + header[100:])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def entry_bytes(entry):
    """Header and content of one entry."""
    body = b""
    if entry.kind == "file":
        body = entry.content if entry.holes is None else _sparse_body(entry)
    return _header(entry, body) + _padded(body)


def tar(entries, end=True):
    """The layer as an uncompressed tar."""
    return b"".join(entry_bytes(entry) for entry in entries) + (bytes(2 * BLOCK) if end else b"")
