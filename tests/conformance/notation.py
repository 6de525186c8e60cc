"""How cases write down files, images and parts of JSON: one line a file, the same for what goes in and what comes out.

    PATH  KIND  [MODE]  [UID:GID]  [DETAIL]  [@TIME | made]  [XATTR=VALUE …]

    bin/app     file     0755 0:0    "text"           a file with this content, or of so many made-up "5000 bytes"
    etc         dir      0700 0:0
    bin         symlink  -> usr/bin
    bin/sh      link     -> bin/busybox               one more name of a file
    dev/sda     block    0660 0:6    8,0              (and char)
    run/pipe    fifo     0600 0:0
    etc/passwd  whiteout                              in layers only: an older layer's file is gone
    srv/cache   opaque                                in layers only: what older layers have below it is gone
    kernel.tar  tar                                   in layers only: a tar of the indented lines that follow

`made` is the fixed time of what a build makes itself; no time is that of the images' files. Paths in a layer are taken to the
letter ("./etc/", "/etc"); a path with blanks, and contents, are JSON strings, in which \\xNN is a byte that is not UTF-8.
"""

import json
import random
import re
import textwrap
import unicodedata

from kiln_test import layer, tarball
from kiln_test.model import FIXED_TIME, HOSTS, NO_RESOLVER
from kiln_test.tree import Node, digest

LONGEST_TEXT = 400  # of content that is shown in full

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s"=]+="(?:[^"\\]|\\.)*"|\S+)')
_KINDS = {"file", "dir", "symlink", "link", "char", "block", "fifo", "whiteout", "opaque", "tar"}


def made_up(size):
    """Bytes without a pattern, the same for the same size."""
    return random.Random(size).randbytes(size)


def unquote(token):
    """The bytes of a JSON string, which may have \\xNN."""
    parts = re.split(r"((?:\\x[0-9a-f]{2})+)", token[1:-1])
    return b"".join(
        bytes.fromhex(part.replace("\\x", "")) if part.startswith("\\x") else json.loads(f'"{part}"').encode() for part in parts
    )


def quote(data):
    text = data.decode("utf-8", "surrogateescape")
    out = json.dumps(re.sub("[\udc80-\udcff]", "\ufffd", text), ensure_ascii=False)
    for character in re.findall("[\udc80-\udcff]", text):
        out = out.replace("\ufffd", f"\\x{ord(character) - 0xDC00:02x}", 1)
    return out.replace("\x7f", "\\u007f")


def _text(token):
    return unquote(token).decode() if token.startswith('"') else token


def parse_entry(line):
    """One line as an entry of a layer."""
    tokens = _TOKEN.findall(line)
    path, kind, rest = _text(tokens[0]), tokens[1], tokens[2:]
    if kind not in _KINDS:
        raise ValueError(f"{line!r}: {kind!r} is none of {', '.join(sorted(_KINDS))}")
    if kind == "whiteout":
        return layer.whiteout(path)
    if kind == "opaque":
        return layer.opaque(path)
    entry = layer.Entry(path, {"dir": "directory", "tar": "file"}.get(kind, kind), 0o644)
    entry.mode = {"dir": 0o755, "symlink": 0o777, "char": 0o666, "block": 0o660, "fifo": 0o600}.get(kind, 0o644)
    while rest:
        token = rest.pop(0)
        if token == "->":
            entry.target = _text(rest.pop(0))
        elif token == "made":
            entry.mtime = FIXED_TIME
        elif token.startswith("@"):
            entry.mtime = float(token[1:])
        elif token.startswith('"'):
            entry.content = unquote(token)
        elif "=" in token:
            name, value = token.split("=", 1)
            entry.xattrs[name] = unquote(value)
        elif re.fullmatch(r"0[0-7]+", token):
            entry.mode = int(token, 8)
        elif re.fullmatch(r"\d+:\d+", token):
            entry.uid, entry.gid = map(int, token.split(":"))
        elif re.fullmatch(r"\d+,\d+", token):
            entry.device = tuple(map(int, token.split(",")))
        elif rest[:1] == ["bytes"]:
            entry.content = made_up(int(token))
            rest.pop(0)
        else:
            raise ValueError(f"{line!r}: what is {token!r}?")
    return entry


def parse_entries(lines):
    """The entries of a layer; indented lines are the content of the `tar` above them."""
    entries = []
    lines = textwrap.dedent("\n".join(lines)).split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if not line.strip() or line.startswith("#"):
            continue
        inner = []
        while number < len(lines) and lines[number].startswith("  "):
            inner.append(lines[number])
            number += 1
        entry = parse_entry(line)
        if _TOKEN.findall(line)[1] == "tar":
            entry.content = layer.tar(parse_entries(inner))
        entries.append(entry)
    return entries


def show_content(data):
    """Short text in full, made-up bytes by their number, everything else by its digest."""
    if len(data) > 0 and data == made_up(len(data)):
        return f"{len(data)} bytes"
    if data.startswith(b"{\n") and data.endswith(b"\n}"):
        return "{…}"  # the JSON files of containers, of which cases show parts
    if len(data) <= LONGEST_TEXT and not re.search(b"[\x00-\x08\x0e-\x1f]", data):
        return quote(data)
    return f"{len(data)} bytes sha256:{digest(data)[:16]}"


def show_time(mtime):
    return "made" if mtime == FIXED_TIME else "" if mtime == layer.DEFAULT_TIME else f"@{mtime}"


def _width(text):
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def columns(rows):
    """Lines of the rows' cells; the first three are aligned, but not to the very long ones."""
    widths = [max((_width(row[i]) for row in rows if _width(row[i]) <= 48), default=0) for i in range(3)]
    lines = []
    for row in rows:
        aligned = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths)]
        lines.append("  ".join([*aligned, *row[3:]]).rstrip() + "\n")
    return "".join(lines)


def _path(path):
    return path if re.fullmatch(r"[^\s\"#]+", path) and path.isprintable() else quote(path.encode("utf-8", "surrogateescape"))


def _row(path, node, read):
    """Path, kind, access, and what else there is to say."""
    kind = "dir" if node.kind == "directory" else node.kind
    owner = f"{node.uid}:{node.gid}"
    access = f"0{node.mode:03o} {owner}"
    if kind == "symlink":
        access = "" if owner == "0:0" else owner
    details = {
        "file": lambda: show_content(read(path)),
        "symlink": lambda: f"-> {_path(node.target)}",
        "char": lambda: "%d,%d" % node.device,
        "block": lambda: "%d,%d" % node.device,
    }
    more = [details[kind]()] if kind in details else []
    more += [show_time(node.mtime)] if show_time(node.mtime) else []
    more += [f"{name}={quote(value)}" for name, value in sorted(node.xattrs.items())]
    return [_path(path), kind, access, *more]


def tar_row(member, content):
    """The row of one entry of a tar (tarfile.TarInfo), which may be a link or a repetition."""
    if member.islnk():
        return [_path(member.name), "link", "", f"-> {_path(member.linkname)}"]
    node = Node(tarball.kind_of(member), member.mode, member.uid, member.gid, member.mtime, target=member.linkname)
    node.device = (member.devmajor, member.devminor)
    return _row(member.name, node, lambda _: content)


def rows_of(nodes, read):
    """A row for each path of a tree (path: tree.Node); read(path) gives a file's content."""
    rows, first = [], {}
    for path in sorted(nodes):
        node = nodes[path]
        if node.inode is not None and node.inode in first:
            rows.append([_path(path), "link", "", f"-> {_path(first[node.inode])}"])
            continue
        first[node.inode] = path
        rows.append(_row(path, node, read))
    return rows


# What every flattened image has at the end (spec layout.md §3.3), for listings that leave it out.
_DIRECTORY = ["dir", "0755 0:0", "made"]
STANDARD = {
    "dev": _DIRECTORY,
    "dev/pts": _DIRECTORY,
    "dev/shm": _DIRECTORY,
    "etc": _DIRECTORY,
    "etc/hosts": ["file", "0644 0:0", quote(HOSTS), "made"],
    "etc/mtab": ["symlink", "", "-> /proc/mounts", "made"],
    "etc/resolv.conf": ["file", "0644 0:0", quote(NO_RESOLVER), "made"],
    "proc": _DIRECTORY,
    "sys": _DIRECTORY,
}
STANDARD_OF_INIT = {**STANDARD, "etc/resolv.conf": ["symlink", "", "-> /run/resolvconf/resolv.conf", "made"]}


def without_standard(rows, standard):
    """The rows of an image's tree without the standard files; those that are not as they should be stay, or are told
    to be absent."""
    kept = [row for row in rows if standard.get(row[0]) != row[1:]]
    present = {row[0] for row in rows}
    return kept + [[path, "absent", ""] for path in standard if path not in present]


# Parts of JSON.


def pick(value, selector):
    """`a.b[0].c` of a JSON value; `[/proc]` is the element whose destination (or type) is that. KeyError if absent."""
    for step in re.findall(r"\[[^\]]*\]|[^.\[]+", selector):
        if step.startswith("["):
            key = step[1:-1]
            if isinstance(value, dict):
                value = value[key]
            elif key.isdigit():
                value = value[int(key)]
            else:
                value = next((item for item in value if key in (item.get("destination"), item.get("type"))), None)
                if value is None:
                    raise KeyError(step)
        else:
            value = value[step]
    return value


def show_json(value):
    return json.dumps(value, ensure_ascii=False)


def answer_picks(lines, document):
    """Each line is a selector and the value that is expected there; the same lines with the values that are there."""
    joined = []
    for line in lines:
        if line.startswith(" ") and joined:
            joined[-1] += " " + line.strip()
        elif line.strip():
            joined.append(line)
    selectors = [line.split(None, 1)[0] for line in joined]
    width = max(map(len, selectors), default=0)
    got, expected = [], []
    for line, selector in zip(joined, selectors):
        try:
            value = show_json(pick(document, selector))
        except (KeyError, IndexError, TypeError):
            value = "absent"
        wanted = line[len(selector) :].strip()
        try:
            wanted = show_json(json.loads(wanted))
        except ValueError:
            pass
        got.append(f"{selector.ljust(width)}  {value}\n")
        expected.append(f"{selector.ljust(width)}  {wanted}\n")
    return "".join(got), "".join(expected)
