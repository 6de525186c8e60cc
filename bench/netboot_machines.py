#!/usr/bin/env python3
"""A thousand machines boot at once: DHCP, iPXE by TFTP, script, kernel and initramfs by HTTP, from `kiln serve --pxe` and
from dnsmasq with nginx, in a network of namespaces. The machines only pretend (tests/kiln_test/pretence.py), and each has an
address of its own. What counts is the servers' processor time; the clients need far more than they do.

    sudo KILN=build/release/bin/kiln python3 bench/netboot_machines.py [MACHINES]
"""

import http.client
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tests"))
from kiln_test import kiln, netclients, netlab, pretence, yaml
from kiln_test.layout import Layout
from kiln_test.netclients import DISCOVER, REQUEST

SERVER = "10.79.0.1"
KERNEL, INITRAMFS, PROGRAM = 2_000_000, 500_000, 108_847  # undionly.kpxe's size
NGINX = """worker_processes 1; daemon off; pid {0}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {0}; proxy_temp_path {0}; fastcgi_temp_path {0};
  uwsgi_temp_path {0}; scgi_temp_path {0}; server {{ listen 8080; root {0}/www; }} }}
"""


def cpu_seconds(pids):
    """User and system time of these processes."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            ticks += sum(map(int, stream.read().rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
        return [int(word) for word in stream.read().split()]


class Fleet:
    """Machines side by side, step by step."""

    def __init__(self, count, client, boot_urls):
        self.machines = [pretence.Machine(number + 1) for number in range(count)]
        self.client, self.boot_urls = client, boot_urls
        self.bytes = 0

    def lease(self, udp, ipxe=False):
        """DHCP, discovery to acknowledgement, of all at once; the boot file they were told."""
        offers = self._exchange(udp, DISCOVER, {machine: [] for machine in self.machines}, ipxe)
        chosen = {machine: [(50, offer.yiaddr), (54, offer.options[54])] for machine, offer in offers.items()}
        acks = self._exchange(udp, REQUEST, chosen, ipxe)
        files = {ack.boot_file for ack in acks.values()}
        assert len(files) == 1, files
        return files.pop(), {machine: ack.address for machine, ack in acks.items()}

    def _exchange(self, udp, kind, more, ipxe):
        by_xid = {random.getrandbits(32): machine for machine in more}
        replies = {}
        xids = list(by_xid)
        for at in range(0, len(xids), 100):  # a socket's buffer holds a few hundred replies
            packets = {}
            for xid in xids[at : at + 100]:
                machine = by_xid[xid]
                options = netclients.pxe_options(machine.architecture, machine.uuid, ipxe) + more[machine]
                packets[xid] = netclients.dhcp_packet(kind, machine.mac, xid, options)
            replies.update(netclients.dhcp_exchange(udp, packets, 30))
        assert len(replies) == len(more), f"{len(replies)} of {len(more)} were answered"
        return {by_xid[xid]: reply for xid, reply in replies.items()}

    def take(self, addresses):
        with tempfile.NamedTemporaryFile("w") as batch:
            batch.writelines(f"address add {address}/16 dev eth0\n" for address in addresses.values())
            batch.flush()
            self.client.run("ip", "-batch", batch.name)
        for machine, address in addresses.items():
            machine.address = address

    def tftp(self, name):
        for at in range(0, len(self.machines), 250):
            downloads = [netclients.TftpDownload(SERVER, name, keep=False, patience=2, source=machine.address) for machine in self.machines[at : at + 250]]
            for download in netclients.tftp_run(downloads, 120):
                assert download.error is None and download.size == PROGRAM, download.error
                self.bytes += download.size

    def http(self):
        queue, lock, failures = list(self.machines), threading.Lock(), []

        def work():
            while True:
                with lock:
                    if not queue:
                        return
                    machine = queue.pop()
                try:
                    size = self._load(machine)
                    with lock:
                        self.bytes += size
                except Exception as error:  # pylint: disable=broad-except
                    failures.append(f"{machine.mac}: {error}")

        threads = [threading.Thread(target=work) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[:3]

    def _load(self, machine):
        connection = http.client.HTTPConnection(SERVER, 8080, timeout=60, source_address=(machine.address, 0))
        buffer, total = bytearray(1 << 18), 0
        for path in self.boot_urls(machine):
            connection.request("GET", path)
            reply = connection.getresponse()
            assert reply.status == 200, (path, reply.status)
            while size := reply.readinto(buffer):
                total += size
        connection.close()
        assert total > KERNEL + INITRAMFS, total
        return total


def measure(name, count, client, pids, boot_urls):
    fleet = Fleet(count, client, boot_urls)
    udp = netclients.dhcp_socket()
    marks, begin = [], (time.monotonic(), cpu_seconds(pids))

    def mark():
        marks.append((time.monotonic() - begin[0], cpu_seconds(pids) - begin[1]))

    program, addresses = fleet.lease(udp)
    mark()
    fleet.take(addresses)
    fleet.tftp(program)
    mark()
    fleet.lease(udp, ipxe=True)
    mark()
    fleet.http()
    mark()
    udp.close()
    memory = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as stream:
            memory += next(int(line.split()[1]) for line in stream if line.startswith("VmHWM:"))
    steps = [(marks[0][1]), marks[1][1] - marks[0][1], marks[2][1] - marks[1][1], marks[3][1] - marks[2][1]]
    print(
        f"{name:16} {count} machines, {fleet.bytes / 1e6:.0f} MB: wall {marks[-1][0]:.1f} s; server CPU {marks[-1][1]:.2f} s = "
        f"DHCP {steps[0] + steps[2]:.2f} + TFTP {steps[1]:.2f} + HTTP {steps[3]:.2f}; peak {memory / 1024:.0f} MiB",
        flush=True,
    )
    for address in addresses.values():
        assert address.startswith("10.79.")
    client.run("ip", "address", "flush", "dev", "eth0")
    client.run("ip", "address", "add", "10.79.255.9/16", "dev", "eth0")


def kiln_run(work, server, client, count):
    program = kiln.Kiln(work)
    layout = Layout(program.store)
    kernel = pretence.arm64_kernel(KERNEL)
    for name, image in pretence.images("arm64", kernel).items():
        layout.add(name, image)
    system = pretence.system("arm64")
    system["files"].append({"path": "etc/noise", "contents": pretence.noise(INITRAMFS // 2, "noise").hex()})
    with open(f"{work}/web.yml", "w", encoding="utf-8") as stream:
        stream.write(yaml.dump(system))
    command = program.command("serve", "--pxe", "web.yml,arch=arm64", "--interface", "eth0", "--ipxe-dir", f"{work}/ipxe", "--compression", "none")
    command += ["--dhcp", "full", "--range", "10.79.1.0-10.79.200.0"]
    console = server.start(*command, env=program.environment(), cwd=work)
    console.wait_for("status page: ", 120)
    (system,) = json.loads(pretence.fetch(f"http://{SERVER}:8080/api/os"))["systems"]
    names = [segment["name"] for segment in system["image"]["initramfs"]["segments"]]

    def urls(machine):
        mac = machine.mac.replace(":", "-")
        base = f"/os/{system['image']['id']}@{mac}"
        return ["/boot.ipxe", f"/script?mac={mac}&arch=arm64", *[f"{base}/{name}" for name in names], f"{base}/kernel"]

    measure("kiln serve --pxe", count, client, [console.process.pid], urls)
    booted = json.loads(pretence.fetch(f"http://{SERVER}:8080/api/machines"))["machines"]
    done = [one for one in booted if one["stages"][4]["sent"] == one["stages"][4]["size"] > 0]
    assert len(done) == count, f"{len(done)} of {count} machines have their initramfs, says the API"
    console.kill()
    return [segment["size"] for segment in system["image"]["initramfs"]["segments"]]


def peer_run(work, server, client, count, segments):
    www = f"{work}/www"
    os.makedirs(www)
    with open(f"{www}/boot.ipxe", "w", encoding="ascii") as stream:
        stream.write("#!ipxe\n" + "echo a script of about the size of Kiln's\n" * 15)
    for name, size in [("kernel", KERNEL + 64), *[(f"s{number}", size) for number, size in enumerate(segments)]]:
        with open(f"{www}/{name}", "wb") as stream:
            stream.write(pretence.noise(size, name))
    os.chmod(work, 0o755)
    with open(f"{work}/nginx.conf", "w", encoding="ascii") as stream:
        stream.write("user root; " + NGINX.format(work))
    web = server.start("nginx", "-c", f"{work}/nginx.conf")
    dnsmasq = server.start(
        *["dnsmasq", "--keep-in-foreground", "--user=root", "--port=0", "--conf-file=/dev/null", "--log-facility=-", "--no-ping"],
        *["--pid-file=", f"--dhcp-leasefile={work}/leases", "--interface=eth0", "--bind-interfaces", "--dhcp-lease-max=5000"],
        *["--dhcp-range=10.79.1.0,10.79.200.0,255.255.0.0,1h", "--enable-tftp", f"--tftp-root={work}/ipxe", "--tftp-max=2000"],
        *["--dhcp-match=set:arm64,option:client-arch,11", "--dhcp-userclass=set:ipxe,iPXE", "--dhcp-boot=tag:arm64,tag:!ipxe,ipxe-arm64.efi"],
        f"--dhcp-boot=tag:ipxe,http://{SERVER}:8080/boot.ipxe",
    )
    dnsmasq.wait_for("DHCP, IP range", 20)
    time.sleep(1)
    urls = ["/boot.ipxe", "/boot.ipxe", *[f"/s{number}" for number in range(len(segments))], "/kernel"]
    pids = [dnsmasq.process.pid, web.process.pid, *children(web.process.pid)]
    measure("dnsmasq + nginx", count, client, pids, lambda machine: urls)
    dnsmasq.kill()
    web.kill()


def main():
    netlab.enter()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    network = netlab.Network()
    server, client = network.host("server", f"{SERVER}/16"), network.host("client", "10.79.255.9/16")
    for number in range(int(os.environ.get("ROUNDS", 3))):
        with tempfile.TemporaryDirectory() as work:
            os.makedirs(f"{work}/ipxe")
            pretence.write_programs(f"{work}/ipxe", PROGRAM)
            with client.inside():
                segments = kiln_run(work, server, client, count)
                if shutil.which("nginx") and shutil.which("dnsmasq"):
                    peer_run(work, server, client, count, segments)
                elif number == 0:
                    print("no comparison: nginx and dnsmasq are not both installed")


if __name__ == "__main__":
    main()
