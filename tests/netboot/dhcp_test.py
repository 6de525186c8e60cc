#!/usr/bin/env python3
"""The DHCP server on a network: firmware of every kind, beside another server and alone; and dhcpcd."""

import os
import random
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from kiln_test import case, netclients, netlab
from kiln_test.netclients import ARM64, ARM64_HTTP, BIOS, X64, DISCOVER, OFFER, REQUEST, ACK

SERVERS = os.path.abspath(os.environ.get("NETBOOT_SERVERS", "build/dev/tests/netboot/netboot_servers"))
SERVER = "10.77.0.1"


def mac_of(number):
    return f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"


class Dhcp(case.Case):
    @classmethod
    def setUpClass(cls):
        cls.network = netlab.Network()
        cls.server = cls.network.host("server", f"{SERVER}/24")
        cls.other = cls.network.host("other", "10.77.0.9/24")
        cls.clients = cls.network.host("clients", None)

    @classmethod
    def tearDownClass(cls):
        cls.network.remove()

    def serve(self, *more):
        program = self.server.start(SERVERS, "--dhcp", "eth0", *more)
        self.addCleanup(program.kill)
        program.wait_for("^ready$", 20)
        return program

    def exchange(self, requests, timeout=20):
        with self.clients.inside():
            udp = netclients.dhcp_socket()
            try:
                return netclients.dhcp_exchange(udp, requests, timeout)
            finally:
                udp.close()

    def discover(self, number, options, timeout=20):
        packet = netclients.dhcp_packet(DISCOVER, mac_of(number), number, options)
        return self.exchange({number: packet}, timeout).get(number)

    def test_full(self):
        """200 machines get an address and a boot file each, and keep them"""
        program = self.serve("--range", "10.77.0.20-10.77.0.250")
        discovers = {n: netclients.dhcp_packet(DISCOVER, mac_of(n), n, netclients.pxe_options(ARM64)) for n in range(1, 201)}
        offers = self.exchange(discovers)
        self.assertEqual(len(offers), 200)
        self.assertEqual(len({offer.address for offer in offers.values()}), 200)
        requests = {}
        for n, offer in offers.items():
            self.assertEqual((offer.kind, offer.boot_file, offer.next_server, offer.server), (OFFER, "ipxe.efi", SERVER, SERVER))
            self.assertEqual(offer.options[60], b"PXEClient")
            choice = [(54, socket.inet_aton(SERVER)), (50, offer.yiaddr), *netclients.pxe_options(ARM64)]
            requests[n] = netclients.dhcp_packet(REQUEST, mac_of(n), n, choice)
        acks = self.exchange(requests)
        self.assertEqual({n: ack.address for n, ack in acks.items()}, {n: offer.address for n, offer in offers.items()})
        self.assertEqual({ack.kind for ack in acks.values()}, {ACK})
        again = self.exchange(discovers)
        self.assertEqual({n: offer.address for n, offer in again.items()}, {n: offer.address for n, offer in offers.items()})
        self.assertEqual(program.terminate(), 0)
        self.checked("200 DORA, 200 addresses, the same on the next boot")

    def test_kinds(self):
        """BIOS, x64, arm64, iPXE, HTTP boot, and a system that does not boot"""
        program = self.serve("--range", "10.77.0.20-10.77.0.250")
        self.assertEqual(self.discover(1, netclients.pxe_options(BIOS)).boot_file, "undionly.kpxe")
        self.assertEqual(self.discover(2, netclients.pxe_options(X64)).boot_file, "ipxe.efi")
        self.assertEqual(self.discover(3, netclients.pxe_options(ARM64, ipxe=True)).boot_file, "http://10.77.0.1/boot.ipxe")
        self.assertEqual(self.discover(4, netclients.pxe_options(ARM64_HTTP)).boot_file, "")
        self.assertEqual(self.discover(5, []).boot_file, "")
        program.wait_for(r"DHCPDISCOVER from 52:54:00:00:00:04 \(arm64 UEFI HTTP boot\): offered 10.77.0.\d+, nothing to boot: no UKI was built", 5)
        self.checked("what each is told, and why one is told nothing")

    def test_proxy(self):
        """Beside another server: no addresses, boot files by offer and on port 4011"""
        self.serve()
        offer = self.discover(1, netclients.pxe_options(BIOS))
        self.assertEqual((offer.kind, offer.address, offer.boot_file, offer.next_server), (OFFER, "0.0.0.0", "undionly.kpxe", SERVER))
        self.assertEqual(offer.options[43], b"\6\1\x08\xff")
        offer = self.discover(2, netclients.pxe_options(ARM64))
        self.assertEqual((offer.next_server, 43 in offer.options), (SERVER, False))
        self.assertIsNone(self.discover(3, [], timeout=2), "a system that wants an address is none of its business")

        with self.other.inside():  # who has an address by now
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("10.77.0.9", 4011))
            udp.settimeout(10)
            udp.sendto(netclients.dhcp_packet(REQUEST, mac_of(2), 9, netclients.pxe_options(ARM64), ciaddr="10.77.0.9"), (SERVER, 4011))
            data, sender = udp.recvfrom(2000)
        ack = netclients.DhcpReply(data)
        self.assertEqual((sender, ack.kind, ack.boot_file, ack.next_server), ((SERVER, 4011), ACK, "ipxe.efi", SERVER))
        self.checked("offers of two kinds, and port 4011")

    def test_noise(self):
        """Random packets on both ports; then all is as before"""
        program = self.serve("--range", "10.77.0.20-10.77.0.250")
        noise = netclients.noise(8)
        with self.other.inside():
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for number in range(10_000):
                udp.sendto(next(noise), (SERVER, random.Random(number).choice((67, 4011))))
                if number % 200 == 0:
                    time.sleep(0.01)
        self.assertEqual(self.discover(1, netclients.pxe_options(ARM64)).boot_file, "ipxe.efi")
        self.assertEqual(program.terminate(), 0)
        self.checked("10000 packets")

    def test_port_taken(self):
        """Another server on the machine: who it is, and what to do"""
        self.needs("dnsmasq")
        dnsmasq = self.server.start("dnsmasq", "--keep-in-foreground", "--port=0", "--conf-file=/dev/null", "--log-facility=-",
                                    "--dhcp-range=10.77.0.100,10.77.0.110", f"--pid-file={self.path('pid')}", f"--dhcp-leasefile={self.path('leases')}")
        self.addCleanup(dnsmasq.kill)
        dnsmasq.wait_for("DHCP, IP range", 20)
        refused = self.server.start(SERVERS, "--dhcp", "eth0")
        self.assertEqual(refused.ended(20), 1)
        self.assertRegex(refused.text, r"^error: UDP port 67 is taken by dnsmasq \(pid \d+\)\nhint: two DHCP servers cannot share one machine's port")
        self.checked("the message names dnsmasq")

    def test_system(self):
        """A real DHCP client gets an address, renews it and gives it back"""
        self.needs("udhcpc")
        program = self.serve("--range", "10.77.0.20-10.77.0.250")
        script = self.write("script", "#!/bin/sh\n[ $1 != bound ] || ip address add $ip/24 dev $interface\n")
        os.chmod(script, 0o755)
        self.addCleanup(self.clients.run, "ip", "address", "flush", "dev", "eth0")
        client = self.clients.start("udhcpc", "-i", "eth0", "-f", "-R", "-s", script)
        self.addCleanup(client.kill)
        acknowledged = r"^DHCPREQUEST from .* \(no network boot\): acknowledged (10\.77\.0\.\d+)$"
        bound = program.wait_for(acknowledged, 20)
        client.wait_for("lease of .* obtained", 20)
        time.sleep(0.5)  # its script
        client.process.send_signal(signal.SIGUSR1)
        renewed = program.wait_for(acknowledged, 20, bound.end())
        self.assertEqual(renewed[1], bound[1])
        client.process.send_signal(signal.SIGUSR2)
        program.wait_for(rf"^DHCPRELEASE from .*: gave {bound[1]} back$", 20)
        self.checked("udhcpc")


if __name__ == "__main__":
    netlab.enter()
    case.main()
