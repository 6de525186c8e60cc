#!/usr/bin/env python3
"""An ARM64 machine boots what `kiln push ipxe` has published from a plain web server that is not Kiln's: by the script of
the story, written by hand, and by the one that Kiln writes."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, ipxe
from kiln_test.machine import Console
from kiln_test.registry import free_port

# As the story had it, with its names: on ARM64 the file is no bzImage, but so it was called.
BY_HAND = """#!ipxe
dhcp
set base-url {url}
set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA0,115200 earlycon earlyprintk=serial,keep initrd=arm64-initrd.img
initrd ${{base-url}}/arm64-initrd.img
kernel ${{base-url}}/arm64-bzImage ${{kernel-params}}
imgstat
boot
"""


class Classic(ipxe.Booting):
    def serve(self, directory):
        """Python's own web server."""
        port = free_port()
        command = [sys.executable, "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", directory]
        server = Console(command, name="http.server")
        self.addCleanup(server.kill)
        server.wait_for("Serving HTTP", 20)
        return server, f"http://{ipxe.HOST}:{port}"

    def test_classic(self):
        """the script written by hand, and Kiln's, boot from python's http.server"""
        directory = self.path("www")
        os.makedirs(directory)
        server, url = self.serve(directory)
        names = ["--kernel-name", "arm64-bzImage", "--initrd-name", "arm64-initrd.img", "--script-name", "kiln.ipxe"]
        arguments = ["--arch", "arm64", "--destination", directory, "--base-url", url, *names]
        self.succeeds(self.kiln.run("push", "ipxe", self.system, *arguments, timeout=900))
        self.write("www/by-hand.ipxe", BY_HAND.format(url=url))
        for script in ("by-hand.ipxe", "kiln.ipxe"):
            machine = self.boots(f"#!ipxe\ndhcp\nchain {url}/{script}\n")
            self.assertRegex(machine.text, r"(?m)^(.*)arm64-initrd.img : \d+ bytes")  # imgstat
            command_line = re.search(r"Kernel command line: (.*)", machine.text)[1]
            self.assertRegex(command_line, r"ip=dhcp nomodeset ro serial console=ttyAMA0,115200 earlycon.* initrd=arm64-initrd.img")
            self.checked(f"{script}: booted to a shell on ttyAMA0; the kernel was told: {command_line}")
        for name in ("by-hand.ipxe", "kiln.ipxe", "arm64-bzImage", "arm64-initrd.img"):
            self.assertRegex(server.text, f'"GET /{name} HTTP/1.1" 200')
        self.checked("the web server saw the requests of iPXE")


if __name__ == "__main__":
    case.main()
