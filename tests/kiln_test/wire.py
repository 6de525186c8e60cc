"""A wire that loses and reorders packets, for kernels without netem: two taps in two network namespaces, and a process
that carries frames from one to the other.

usage: wire.py NAMESPACE INTERFACE OTHER_INTERFACE [SEED]

INTERFACE is made in the namespace (a file), OTHER_INTERFACE in the one it was started in; then it says "ready". Each line
on standard input, `LOSS REORDER DELAY`, sets the share of frames that get lost, the share of the others that come late,
and by how many seconds; it is answered by "set".
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_CLONE_NEWNET = 0x40000000


def open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return fd


def enter(namespace):
    with open(namespace, encoding="ascii") as stream:
        if ctypes.CDLL(None, use_errno=True).setns(stream.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns", namespace)


class Wire:
    def __init__(self, one, other, seed):
        self.across = {one: other, other: one}
        self.chance = random.Random(seed)
        self.loss = self.reorder = self.delay = 0.0
        self.late = []  # (when, number, to, frame)
        self.number = 0

    def carry(self, fd):
        for _ in range(256):
            try:
                frame = os.read(fd, 65536)
            except BlockingIOError:
                return
            if self.chance.random() < self.loss:
                continue
            if self.chance.random() < self.reorder:
                self.number += 1
                heapq.heappush(self.late, (time.monotonic() + self.delay, self.number, self.across[fd], frame))
            else:
                deliver(self.across[fd], frame)

    def deliver_late(self):
        while self.late and self.late[0][0] <= time.monotonic():
            _, _, to, frame = heapq.heappop(self.late)
            deliver(to, frame)

    def run(self):
        poll = select.epoll()
        for fd in (*self.across, sys.stdin.fileno()):
            poll.register(fd, select.EPOLLIN)
        while True:
            wait = max(0.0, self.late[0][0] - time.monotonic()) if self.late else -1
            for fd, _ in poll.poll(wait):
                if fd != sys.stdin.fileno():
                    self.carry(fd)
                elif line := sys.stdin.readline():
                    self.loss, self.reorder, self.delay = map(float, line.split())
                    print("set", flush=True)
                else:
                    return
            self.deliver_late()


def deliver(fd, frame):
    try:
        os.write(fd, frame)
    except OSError:
        pass  # the interface is down, or its queue is full: that is what wires do


def main():
    namespace, inner, outer = sys.argv[1:4]
    outside = open_tap(outer)
    enter(namespace)
    inside = open_tap(inner)
    print("ready", flush=True)
    Wire(inside, outside, int(sys.argv[4]) if len(sys.argv) > 4 else 1).run()


if __name__ == "__main__":
    main()
