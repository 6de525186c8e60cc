"""A tar archive block by block: every header field and every PAX record as it stands, repeated paths and all."""

import hashlib
import io
from dataclasses import dataclass, field

BLOCK = 512


@dataclass
class Header:
    """One entry: its ustar header, the records in front of it, and its content."""

    type: str
    name: str  # as it stands in the ustar header, cut and all
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    link: str
    magic: bytes
    user: str
    group: str
    device: tuple
    records: dict = field(default_factory=dict)  # in their order
    extended_name: str = ""  # of the extended header, "" without one
    content: bytes = b""

    @property
    def path(self):
        return self.records.get("path", self.name)

    @property
    def target(self):
        return self.records.get("linkpath", self.link)

    @property
    def digest(self):
        return hashlib.sha256(self.content).hexdigest()[:16] if self.type == "0" else "-"


def _text(raw):
    return raw.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(raw):
    return int(raw.strip(b"\0 ") or b"0", 8)


def _header(block):
    return Header(
        block[156:157].decode(),
        _text(block[:100]),
        _number(block[100:108]),
        _number(block[108:116]),
        _number(block[116:124]),
        _number(block[124:136]),
        _number(block[136:148]),
        _text(block[157:257]),
        block[257:265],
        _text(block[265:297]),
        _text(block[297:329]),
        (_number(block[329:337]), _number(block[337:345])),
    )


def _records(data):
    records = {}
    while data:
        length = int(data.split(b" ", 1)[0])
        key, _, value = data[:length].split(b" ", 1)[1].rstrip(b"\n").partition(b"=")
        records[key.decode()] = value.decode("utf-8", "surrogateescape")
        data = data[length:]
    return records


def read(source):
    """All entries of the tar at a path (or of bytes), and how many zero blocks end it."""
    stream = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")
    entries, pending, extended_name, zeros = [], {}, "", 0
    with stream:
        while block := stream.read(BLOCK):
            assert len(block) == BLOCK, "the tar ends within a block"
            if not block.strip(b"\0"):
                zeros += 1
                continue
            assert zeros == 0, "an entry follows zero blocks"
            header = _header(block)
            assert _number(block[148:156]) == sum(block[:148] + b" " * 8 + block[156:]), f"checksum of {header.name}"
            data = stream.read(header.size + -header.size % BLOCK)[: header.size]
            if header.type == "x":
                pending, extended_name = _records(data), header.name
                continue
            header.records, header.extended_name, header.content = pending, extended_name, data
            pending, extended_name = {}, ""
            entries.append(header)
    return entries, zeros
