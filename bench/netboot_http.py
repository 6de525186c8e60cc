#!/usr/bin/env python3
"""bench/netboot_http.py KILN [large|small|parallel …]: `kiln serve` against nginx (one worker, sendfile on, no access log) on
the same files in one run, in turn, A B B A. Wall time tells throughput; processor time, which other load on the machine
disturbs less, is the server's own, as the kernel counts it. Needs nginx and wrk; works in build/bench/http."""

import os
import pathlib
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time

WORK = pathlib.Path(__file__).resolve().parent.parent / "build" / "bench" / "http"
FILES = WORK / "files"
LARGE = 100_000_000
MEDIUM = 4_000_000
SMALL = 4096
SMALL_FILES = 200
CLIENTS = 200
ROUNDS = 15

NGINX = """daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3; uwsgi_temp_path {work}/t4;
  scgi_temp_path {work}/t5;
  server {{ listen 127.0.0.1:{port}; root {files}; }}
}}
"""

WRK = """counter = 0
request = function()
  counter = counter %% %d + 1
  return wrk.format("GET", "/small/" .. counter)
end
""" % SMALL_FILES


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, name, command, port, worker_of=None):
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit(f"{name} did not start")
        self.pid = worker_of(self.process.pid) if worker_of else self.process.pid

    def cpu(self):
        """Seconds of processor time so far, in nanosecond resolution."""
        return int(pathlib.Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def stop(self):
        self.process.terminate()
        self.process.wait()


def nginx_worker(master):
    children = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(children[0])


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port))


def read_head(connection):
    """The size of the body, and what of it came with the head."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    head, rest = head.split(b"\r\n\r\n", 1)
    return int(re.search(rb"(?i)content-length: (\d+)", head).group(1)), len(rest)


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def large(server):
    """One large file after the other on one connection."""
    count, buffer = 3, bytearray(1 << 20)
    with connect(server) as connection:
        for _ in range(count):
            connection.sendall(request("/large"))
            size, got = read_head(connection)
            while got < size:
                got += connection.recv_into(buffer, min(len(buffer), size - got))
    return count * LARGE


def small(server):
    """Many small files over kept connections, by wrk; gives the number of requests."""
    output = subprocess.run(["wrk", "-t1", "-c64", "-d1s", "-s", str(WORK / "wrk.lua"), f"http://127.0.0.1:{server.port}/"],
                            check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(output)
    return int(re.search(r"(\d+) requests in", output).group(1))


def parallel(server):
    """As many downloads at once as a rack has machines."""
    selector, buffer, left = selectors.EpollSelector(), bytearray(1 << 18), {}
    for _ in range(CLIENTS):
        connection = connect(server)
        connection.sendall(request("/medium"))
        left[connection] = None
        selector.register(connection, selectors.EVENT_READ)
    while left:
        for key, _ in selector.select():
            connection = key.fileobj
            if left[connection] is None:
                size, got = read_head(connection)
                left[connection] = size - got
                connection.setblocking(False)
            try:
                left[connection] -= connection.recv_into(buffer)
            except BlockingIOError:
                pass
            if left[connection] == 0:
                selector.unregister(connection)
                connection.close()
                del left[connection]
    return CLIENTS * MEDIUM


def prepare():
    (FILES / "small").mkdir(parents=True, exist_ok=True)
    for name, size in [("large", LARGE), ("medium", MEDIUM), *((f"small/{i + 1}", SMALL) for i in range(SMALL_FILES))]:
        path = FILES / name
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(os.urandom(size))
        path.read_bytes()  # into the page cache
    (WORK / "wrk.lua").write_text(WRK)


def measure(part, server):
    cpu, begin = server.cpu(), time.monotonic()
    amount = part(server)
    return amount / (time.monotonic() - begin), (server.cpu() - cpu) / amount


def compare(part, ours, theirs):
    results = []
    for i in range(ROUNDS + 1):
        order = [ours, theirs] if i % 2 == 0 else [theirs, ours]
        pair = {server.name: measure(part, server) for server in order}
        if i > 0:  # the first is the warm-up
            results.append((pair["kiln"], pair["nginx"]))
    median = lambda index, column: statistics.median(r[index][column] for r in results)
    ratio = lambda column: statistics.median(r[0][column] / r[1][column] for r in results)
    unit, scale = ("requests/s", 1) if part is small else ("MB/s", 1e6)
    per, cpu_scale, cpu_unit = ("request", 1e6, "us") if part is small else ("GB", 1e9, "s")
    print(f"{part.__name__}: kiln {median(0, 0) / scale:.0f} {unit}, nginx {median(1, 0) / scale:.0f} ({ratio(0):.2f}); "
          f"processor time per {per}: kiln {median(0, 1) * cpu_scale:.3g} {cpu_unit}, nginx "
          f"{median(1, 1) * cpu_scale:.3g} {cpu_unit} ({ratio(1):.2f})", flush=True)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for program in ("nginx", "wrk"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed: apt-get install nginx-light wrk")
    prepare()
    port = free_port()
    config = WORK / "nginx.conf"
    config.write_text(NGINX.format(work=WORK, files=FILES, port=port))
    theirs = Server("nginx", ["nginx", "-c", str(config), "-p", str(WORK)], port, nginx_worker)
    port = free_port()
    ours = Server("kiln", [sys.argv[1], "--quiet", "serve", "--port", f"127.0.0.1:{port}", str(FILES)], port)
    try:
        parts = {part.__name__: part for part in (large, small, parallel)}
        for name in sys.argv[2:] or parts:
            compare(parts[name], ours, theirs)
    finally:
        ours.stop()
        theirs.stop()


if __name__ == "__main__":
    main()
