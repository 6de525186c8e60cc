"""A running `kiln serve`, and clients that are ruder than curl."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse


class Server:
    """`kiln serve` on a free port of 127.0.0.1, with --json, so that its log can be read."""

    def __init__(self, kiln, directory, *options, prefix=(), port="127.0.0.1:0"):
        self.log_path = os.path.join(kiln.directory, f"serve-{time.monotonic_ns()}.log")
        with open(self.log_path, "wb") as log:
            self.process = kiln.start("--json", "serve", "--port", port, *options, directory, prefix=prefix, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            with open(self.log_path, encoding="utf-8") as log:
                raise AssertionError(f"kiln serve did not start: {log.read()}")
        self.told = json.loads(line)
        self.url = self.told["urls"][0].rstrip("/")
        self.address = ("127.0.0.1", urllib.parse.urlsplit(self.url).port)

    def events(self, kind="request"):
        with open(self.log_path, encoding="utf-8") as log:
            return [event for event in map(json.loads, log) if event["event"] == kind]

    def wait_for_events(self, count, kind="request", seconds=10):
        end = time.monotonic() + seconds
        while len(self.events(kind)) < count:
            if time.monotonic() > end:
                raise AssertionError(f"only {len(self.events(kind))} of {count} events: {self.events(kind)}")
            time.sleep(0.05)
        return self.events(kind)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident(self):
        """Bytes of memory it has now."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024

    def processor_time(self):
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as stat:
            return int(stat.read().split()[0]) / 1e9

    def connect(self, timeout=20):
        return socket.create_connection(self.address, timeout)

    def stop(self, number=signal.SIGTERM, seconds=20):
        """Its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.stdout.close()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "killed by the test"


def request(path, *headers, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers, "", ""]
    return "\r\n".join(lines).encode()


def read_all(connection, limit=1 << 30):
    """Until the other side closes, or resets, the connection."""
    data = bytearray()
    try:
        while len(data) < limit and (piece := connection.recv(1 << 16)):
            data += piece
    except (ConnectionResetError, TimeoutError):
        pass
    return bytes(data)


def exchange(server, data, pieces=None, timeout=20):
    """Sends the bytes, in pieces of that size, and that there are no more; gives everything that comes back."""
    with server.connect(timeout) as connection:
        try:
            for at in range(0, len(data), pieces or len(data) or 1):
                connection.sendall(data[at : at + (pieces or len(data))])
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass  # it has heard enough
        return read_all(connection)


def at_once(count, work):
    """Runs work(i) on as many threads; the results in order, or the first exception."""
    results, errors = [None] * count, []

    def run(i):
        try:
            results[i] = work(i)
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
