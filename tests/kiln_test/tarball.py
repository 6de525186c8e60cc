"""A tar archive read into a tree by Python's own tarfile."""

import io
import tarfile

from kiln_test.tree import Node, digest

_KINDS = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
_XATTR = "SCHILY.xattr."


def read(source):
    """path: Node, of the file at a path or of bytes. Fails on a path that occurs twice or whose parent is missing."""
    nodes = {}
    stream = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")
    with stream, tarfile.open(fileobj=stream, errors="surrogateescape") as archive:
        for member in archive:
            path = member.name.rstrip("/")
            if path in nodes:
                raise AssertionError(f"the tar has {path!r} twice")
            parent = path.rpartition("/")[0]
            if parent and (parent not in nodes or nodes[parent].kind != "directory"):
                raise AssertionError(f"the tar has {path!r} without its parent directory")
            nodes[path] = _node(archive, member, nodes)
    return nodes


def kind_of(member):
    return _KINDS.get(member.type, "file")


def _node(archive, member, nodes):
    if member.islnk():
        first = nodes[member.linkname]
        first.inode = first.inode or object()
        return first
    node = Node(kind_of(member), member.mode, member.uid, member.gid, int(member.mtime // 1))
    if node.kind == "file":
        data = archive.extractfile(member).read()
        node.size, node.content = len(data), digest(data)
    if node.kind == "symlink":
        node.target = member.linkname
    if node.kind in ("char", "block"):
        node.device = (member.devmajor, member.devminor)
    node.xattrs = {
        key.removeprefix(_XATTR): value.encode("utf-8", "surrogateescape")
        for key, value in member.pax_headers.items()
        if key.startswith(_XATTR)
    }
    return node


def content(path, name):
    """The bytes of one file of a tar."""
    with tarfile.open(path) as archive:
        return archive.extractfile(name).read()
