"""Firmware as far as a boot server sees it, many at once: DHCP with PXE's options (RFC 2131, 2132, 4578; the PXE
specification 2.1) and TFTP (RFC 1350, 2347 to 2349, 7440). To be used where `with host.inside()` says that sockets are a
host's."""

import hashlib
import random
import select
import socket
import struct
import time

MAGIC = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5

# Architectures of option 93 (RFC 4578 and IANA's registry).
BIOS, X64, ARM64, X64_HTTP, ARM64_HTTP = 0, 7, 11, 16, 19


def dhcp_packet(kind, mac, xid, options=(), ciaddr="0.0.0.0"):
    """A client's packet; `options` are (code, bytes) besides 53. It asks for replies by broadcast."""
    head = struct.pack("!4BIHH4s4s4s4s", 1, 1, 6, 0, xid, 0, 0x8000, socket.inet_aton(ciaddr), *[bytes(4)] * 3)
    body = head + bytes.fromhex(mac.replace(":", "")).ljust(16, b"\0") + bytes(64 + 128) + MAGIC
    for code, value in [(53, bytes([kind])), *options]:
        body += bytes([code, len(value)]) + value
    return body + b"\xff"


def pxe_options(architecture, uuid=bytes(16), ipxe=False):
    """What firmware of that architecture says of itself; `ipxe`: what iPXE started by it says."""
    vendor = "HTTPClient" if architecture in (X64_HTTP, ARM64_HTTP) else "PXEClient"
    options = [
        (60, f"{vendor}:Arch:{architecture:05}:UNDI:003000".encode()),
        (93, struct.pack("!H", architecture)),
        (94, bytes([1, 3, 0])),
        (97, b"\0" + uuid),
        (55, bytes([1, 3, 6, 43, 54, 60, 66, 67, 97, 175])),
    ]
    if ipxe:
        options.append((77, b"iPXE"))
    return options


class DhcpReply:
    """A server's packet, taken apart. `options` joins what is given in pieces (RFC 3396); header fields win no contest:
    `boot_file` is option 67, or the header's `file`."""

    def __init__(self, data):
        self.xid, self.yiaddr, self.siaddr = struct.unpack("!I", data[4:8])[0], data[16:20], data[20:24]
        self.mac = ":".join(f"{byte:02x}" for byte in data[28:34])
        self.options = {}
        at = 240
        while at < len(data) and data[at] != 255:
            if data[at] == 0:
                at += 1
                continue
            code, length = data[at], data[at + 1]
            self.options[code] = self.options.get(code, b"") + data[at + 2 : at + 2 + length]
            at += 2 + length
        self.kind = self.options.get(53, b"\0")[0]
        self.address = socket.inet_ntoa(self.yiaddr)
        self.server = socket.inet_ntoa(self.options.get(54, bytes(4)))
        self.next_server = socket.inet_ntoa(self.siaddr)
        self.boot_file = (self.options.get(67) or data[108:236].split(b"\0")[0]).rstrip(b"\0").decode()


def dhcp_socket(interface="eth0"):
    """A socket that hears and sends what has no address yet."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    udp.bind(("0.0.0.0", 68))
    return udp


def dhcp_exchange(udp, requests, timeout, again=1.0):
    """Sends packets and collects the replies by transaction: {xid: DhcpReply}. `requests`: {xid: packet}. Those without an
    answer are sent again every `again` seconds. After `timeout` it returns what has come."""
    replies, deadline, next_send = {}, time.monotonic() + timeout, 0.0
    while len(replies) < len(requests) and time.monotonic() < deadline:
        if time.monotonic() >= next_send:
            for xid, packet in requests.items():
                if xid not in replies:
                    udp.sendto(packet, ("255.255.255.255", 67))
            next_send = time.monotonic() + again
        if select.select([udp], [], [], min(0.1, again))[0]:
            data = udp.recv(65536)
            if len(data) < 240 or data[0] != 2:
                continue
            reply = DhcpReply(data)
            if reply.xid in requests:
                replies[reply.xid] = reply
    return replies


class TftpDownload:
    """One file, read to its end: `content` (or only `digest` and `size` with keep=False), or `error`."""

    def __init__(self, server, name, blksize=1432, windowsize=None, tsize=True, timeout=None, patience=0.3, keep=True, source=None):
        self.peer = (server, 69)
        self.name = name
        self.blksize = 512  # until the server agrees to more
        self.windowsize = 1
        self.asked = {"blksize": blksize, "windowsize": windowsize, "tsize": 0 if tsize else None, "timeout": timeout}
        self.asked = {key: value for key, value in self.asked.items() if value is not None}
        self.granted = None
        self.patience = patience  # seconds before the last packet is sent again
        self.keep = keep
        self.pieces, self.hash, self.size = [], hashlib.sha256(), 0
        self.last = 0  # the number of the last block that came in order, unbounded
        self.in_window = 0
        self.gap_after = None  # the last block for which a gap was told
        self.done = False
        self.error = None
        self.packets = self.repeats = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        if source:
            self.socket.bind((source, 0))
        request = b"\0\1" + name.encode() + b"\0octet\0"
        for key, value in self.asked.items():
            request += key.encode() + b"\0" + str(value).encode() + b"\0"
        self.send(request)

    content = property(lambda self: b"".join(self.pieces))
    digest = property(lambda self: self.hash.hexdigest())

    def send(self, packet):
        self.sent, self.sent_at = packet, time.monotonic()
        self.socket.sendto(packet, self.peer)

    def on_time(self, now):
        if now - self.sent_at >= self.patience:
            self.repeats += 1
            self.send(self.sent)

    def on_readable(self):
        for _ in range(64):
            try:
                data, sender = self.socket.recvfrom(65600)
            except BlockingIOError:
                return
            if self.peer[1] == 69 and sender[0] == self.peer[0]:
                self.peer = sender  # the server's transfer has a port of its own
            if sender != self.peer:
                continue
            self.packets += 1
            self.on_packet(data)
            if self.done:
                return

    def on_packet(self, data):
        operation = int.from_bytes(data[:2], "big")
        if operation == 5:
            self.fail(f"error {int.from_bytes(data[2:4], 'big')}: {data[4:].rstrip(bytes(1)).decode('utf-8', 'replace')}")
        elif operation == 6 and self.last == 0:
            self.on_options(data)
        elif operation == 3:
            self.on_data(data)

    def on_options(self, data):
        words = data[2:].split(b"\0")[:-1]
        self.granted = {words[i].decode().lower(): int(words[i + 1]) for i in range(0, len(words) - 1, 2)}
        self.blksize = self.granted.get("blksize", 512)
        self.windowsize = self.granted.get("windowsize", 1)
        self.acknowledge()

    def on_data(self, data):
        number, block = int.from_bytes(data[2:4], "big"), data[4:]
        expected = (self.last + 1) & 0xFFFF
        if number != expected:
            # A gap: say at once, and once, what came last (RFC 7440 §4). What is old is not answered (RFC 1123 §4.2.3.1).
            if 0 < ((number - expected) & 0xFFFF) < self.windowsize and self.gap_after != self.last:
                self.gap_after = self.last
                self.acknowledge()
            return
        if len(block) > self.blksize:
            self.fail(f"block {self.last + 1} has {len(block)} bytes, agreed were {self.blksize}")
            return
        self.last += 1
        self.in_window += 1
        self.size += len(block)
        self.hash.update(block)
        if self.keep:
            self.pieces.append(block)
        end = len(block) < self.blksize
        if end or self.in_window >= self.windowsize:
            self.acknowledge()
        if end:
            self.done = True

    def acknowledge(self):
        self.in_window = 0
        self.send(struct.pack("!HH", 4, self.last & 0xFFFF))

    def fail(self, error):
        self.error, self.done = error, True

    def close(self):
        self.socket.close()


def tftp_run(downloads, timeout):
    """Brings all to their end, side by side; those that are not done after `timeout` get an error."""
    poll = select.epoll()
    by_fd = {download.socket.fileno(): download for download in downloads}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    deadline, next_look = time.monotonic() + timeout, 0.0
    while by_fd and time.monotonic() < deadline:
        for fd, _ in poll.poll(0.05):
            by_fd[fd].on_readable()
            if by_fd[fd].done:
                poll.unregister(fd)
                by_fd.pop(fd).close()
        now = time.monotonic()
        if now >= next_look:
            for download in by_fd.values():
                download.on_time(now)
            next_look = now + 0.05
    for download in by_fd.values():
        download.fail(f"not done after {timeout} s: block {download.last}, {download.repeats} repeats")
        download.close()
    poll.close()
    return downloads


def tftp_get(server, name, timeout=60, **more):
    """One file; raises when that fails."""
    (download,) = tftp_run([TftpDownload(server, name, **more)], timeout)
    if download.error:
        raise AssertionError(f"TFTP of {name!r} from {server}: {download.error}")
    return download.content


def noise(seed):
    """Random packets for a server's ports, without end: pure noise, and noise in packets that begin as they should."""
    chance = random.Random(seed)
    starts = [
        b"",
        dhcp_packet(DISCOVER, "52:54:00:66:66:66", 0x66666666, pxe_options(ARM64))[:240],
        dhcp_packet(DISCOVER, "52:54:00:66:66:66", 0x66666666, pxe_options(ARM64)),
        b"\0\1",
        b"\0\1ipxe-arm64.efi\0octet\0blksize\0",
        b"\0\1../../../../etc/passwd\0octet\0",
        b"\0\2",
        b"\0\4\0\1",
        b"\0\6",
        b"GET ",
        b"GET / HTTP/1.1\r\nHost: ",
        b"GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]
    while True:
        packet = bytearray(chance.choice(starts))
        packet += chance.randbytes(chance.choice([0, 1, 3, 16, 100, 600, 1400, 9000]))
        for _ in range(chance.choice([0, 0, 1, 4, 16])):
            if packet:
                packet[chance.randrange(len(packet))] = chance.randrange(256)
        yield bytes(packet[: chance.choice([len(packet), len(packet), chance.randrange(len(packet) + 1)])])
