#!/usr/bin/env python3
"""Real firmware against the DHCP and TFTP servers alone: UEFI of arm64 takes its boot file, in proxy mode beside dnsmasq
and in full mode. (pxe_boot_test.py goes on from there to a running system, with the whole of `kiln serve --pxe`.)"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from kiln_test import case, netlab

SERVERS = os.path.abspath(os.environ.get("NETBOOT_SERVERS", "build/dev/tests/netboot/netboot_servers"))
SERVER = "10.77.0.1"
WHO = r"52:54:00:77:00:01 \(arm64 UEFI, PXE\)"
FILE = r"'ipxe.efi' from 10.77.0.1"


class Firmware(netlab.Case):
    def setUp(self):
        super().setUp()
        if reason := netlab.FIRMWARE["arm64-uefi"].missing():
            self.skipTest(reason)
        self.server = self.network.host("server", f"{SERVER}/24")
        # No program: the firmware takes all of it before it finds that out.
        self.write("tftp/ipxe.efi", b"no program" * 50_000)

    def boots(self, *options):
        log = self.start(self.server, SERVERS, "--tftp", self.path("tftp"), "--dhcp", "eth0", *options)
        log.wait_for("^ready$", 20)
        self.machine("arm64-uefi", "52:54:00:77:00:01")
        return log

    def test_proxy(self):
        """Beside dnsmasq: the offer, the question on port 4011, and the file"""
        self.needs("dnsmasq")
        other = self.network.host("dhcp", "10.77.0.2/24")
        dnsmasq = self.start(other, "dnsmasq", "--keep-in-foreground", "--user=root", "--port=0", "--conf-file=/dev/null", "--no-ping",
                             "--log-facility=-", "--pid-file=", f"--dhcp-leasefile={self.path('leases')}",
                             "--dhcp-range=10.77.0.50,10.77.0.99,255.255.255.0,1h")
        dnsmasq.wait_for("DHCP, IP range", 20)
        log = self.boots()
        log.wait_for(f"^DHCPDISCOVER from {WHO}: offered {FILE}$", 240)
        log.wait_for(f"^DHCPREQUEST from {WHO} on port 4011: acknowledged {FILE}$", 60)
        log.wait_for(r"^TFTP 10\.77\.0\.[5-9]\d:\d+ ipxe.efi complete 500000/500000 bytes", 120)
        self.checked("\n    ".join(["what the server saw:", *log.lines()[1:]]))

    def test_full(self):
        """Alone: an address with the boot file, and the file"""
        log = self.boots("--range", "10.77.0.100-10.77.0.199")
        log.wait_for(rf"^DHCPREQUEST from {WHO}: acknowledged 10\.77\.0\.1\d\d, {FILE}$", 240)
        log.wait_for(r"^TFTP 10\.77\.0\.1\d\d:\d+ ipxe.efi complete 500000/500000 bytes", 120)
        self.checked("\n    ".join(["what the server saw:", *log.lines()[1:]]))


if __name__ == "__main__":
    netlab.enter()
    case.main()
