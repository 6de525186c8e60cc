"""What foreign tools say is in an archive."""

import re
import subprocess

from kiln_test.tree import Node

_MTREE_KINDS = {"dir": "directory", "file": "file", "link": "symlink", "char": "char", "block": "block", "fifo": "fifo"}


def _unescape(text):
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), text).decode("utf-8", "surrogateescape")


def bsdtar(archive):
    """The tree as libarchive reads it, content hashes included: bsdtar turns the archive into an mtree."""
    keywords = "!all,type,mode,uid,gid,size,time,link,device,sha256"
    command = ["bsdtar", "-cf", "-", "--format=mtree", "--options", keywords, "@" + archive]
    text = subprocess.run(command, capture_output=True, check=True, env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}).stdout
    nodes = {}
    for line in text.splitlines():
        if line.startswith(b"#") or not line.strip():
            continue
        words = line.split(b" ")
        path = _unescape(words[0]).removeprefix("./")
        fields = dict(word.split(b"=", 1) for word in words[1:] if b"=" in word)
        node = Node(_MTREE_KINDS[fields[b"type"].decode()])
        node.mode = int(fields[b"mode"], 8)
        node.uid, node.gid = int(fields[b"uid"]), int(fields[b"gid"])
        node.mtime = int(fields[b"time"].split(b".")[0])
        node.size = int(fields.get(b"size", 0))
        node.content = fields.get(b"sha256digest", b"").decode()
        node.target = _unescape(fields.get(b"link", b""))
        if b"device" in fields:
            numbers = fields[b"device"].split(b",")
            node.device = (int(numbers[-2]), int(numbers[-1]))
        nodes[path] = node
    return nodes


_CPIO_LINE = re.compile(
    r"(?P<mode>[-dlcbp][-rwxsStT]{9})\s+(?P<nlink>\d+)\s+(?P<uid>\d+)\s+(?P<gid>\d+)\s+"
    r"(?P<size>\d+(?:,\s*\d+)?)\s+\w{3}\s+\d+\s+[\d:]+\s(?P<name>.*)",
    re.DOTALL,
)
_LS_KINDS = {"d": "directory", "-": "file", "l": "symlink", "c": "char", "b": "block", "p": "fifo"}


def _mode(text):
    mode = 0
    for i, letter in enumerate(text[1:]):
        if letter in "rwxst":
            mode |= 0o400 >> i
    for i, letters, bit in ((3, "sS", 0o4000), (6, "sS", 0o2000), (9, "tT", 0o1000)):
        if text[i] in letters:
            mode |= bit
    return mode


def cpio(archive):
    """path: (kind, mode, uid, gid, size or device, target, nlink) as GNU cpio lists a plain archive."""
    with open(archive, "rb") as stream:
        result = subprocess.run(["cpio", "-itv", "--numeric-uid-gid", "--quiet"], stdin=stream, capture_output=True, check=True)
    assert not result.stderr, result.stderr
    found = {}
    for line in result.stdout.decode("utf-8", "surrogateescape").splitlines():
        match = _CPIO_LINE.fullmatch(line)
        assert match, f"a line of cpio nobody understands: {line!r}"
        name, _, target = match["name"].partition(" -> ")
        number = match["size"].replace(" ", "")
        fields = (_LS_KINDS[match["mode"][0]], _mode(match["mode"]), int(match["uid"]), int(match["gid"]), number, target)
        found[name] = fields + (int(match["nlink"]),)
    return found
