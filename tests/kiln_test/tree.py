"""File trees as values: what a model expects, what an archive contains, and how two of them differ."""

import hashlib
from dataclasses import dataclass, field


@dataclass
class Node:
    kind: str  # file, directory, symlink, char, block, fifo
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    content: str = ""  # SHA-256 of a file's content
    target: str = ""  # of a symlink
    device: tuple = (0, 0)
    xattrs: dict = field(default_factory=dict, compare=False)
    inode: object = field(default=None, compare=False)  # equal for the names of one file


def digest(data):
    return hashlib.sha256(data).hexdigest()


def comparable(node):
    """What two descriptions of one file must agree on. The permissions of a symlink mean nothing on Linux."""
    mode = 0o777 if node.kind == "symlink" else node.mode
    size = node.size if node.kind == "file" else 0
    return (node.kind, oct(mode), node.uid, node.gid, node.mtime, size, node.content, node.target, node.device)


def differences(got, expected, limit=20):
    """One line for each path in which the trees (path: Node) differ; empty when they are the same."""
    lines = []
    for path in sorted(set(got) | set(expected)):
        if path not in got:
            lines.append(f"missing: {path} {comparable(expected[path])}")
        elif path not in expected:
            lines.append(f"too much: {path} {comparable(got[path])}")
        elif comparable(got[path]) != comparable(expected[path]):
            lines.append(f"{path}: got {comparable(got[path])}, expected {comparable(expected[path])}")
    return lines[:limit] + (["..."] if len(lines) > limit else [])


def link_groups(nodes):
    """The sets of paths that are one file, those with one name left out."""
    groups = {}
    for path, node in nodes.items():
        if node.kind == "file" and node.inode is not None:
            groups.setdefault(node.inode, set()).add(path)
    return {frozenset(paths) for paths in groups.values() if len(paths) > 1}
