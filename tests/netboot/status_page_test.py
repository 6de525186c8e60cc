#!/usr/bin/env python3
"""The status page of `kiln serve --pxe` in a real browser: machines appear and move through their stages, it fits a
telephone, needs nothing but its server, and shows what machines say of themselves as text."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, netclients, netlab, pretence
from kiln_test.browser import Browser
from kiln_test.netclients import ARM64, X64

SERVER = "10.78.0.1"
URL = f"http://{SERVER}:8080"

CARD = "const card = [...document.querySelectorAll('#machines .card')].find(each => each.textContent.includes(arguments[0]));"
BADGE = CARD + "return card && card.querySelector('.badge').textContent"
STEP = CARD + "return card && card.querySelector('[aria-current=step]').textContent"
TEXT = CARD + "return card && card.innerText"
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


class StatusPage(netlab.Case):
    def setUp(self):
        super().setUp()
        self.needs("chromedriver", "chromium")
        self.server = self.network.host("server", SERVER + "/24")
        self.client = self.network.host("client", "10.78.0.9/24")
        kernel = pretence.arm64_kernel(6_000_000)
        self.store_images({**pretence.images("arm64", kernel), **pretence.images("amd64")})
        os.makedirs(self.path("ipxe"))
        pretence.write_programs(self.path("ipxe"))
        self.write_system(pretence.system("arm64"), "web.yml")
        self.write_system(pretence.system("amd64"), "database.yml")
        policy = {"machines": [{"name": "web-1", "match": {"mac": "52:54:00:00:00:01"}}, {"name": "db-1", "match": {"serial": "C7"}}]}
        self.write("policy.yml", json.dumps(policy))
        command = self.kiln.command("serve", "--pxe", "web.yml,arch=arm64", "database.yml,arch=amd64", "--interface", "eth0")
        command += ["--ipxe-dir", "ipxe", "--dhcp", "full", "--range", "10.78.0.100-10.78.0.199", "--policy", "policy.yml"]
        self.log = self.start(self.server, *command, name="kiln serve", env=self.kiln.environment(), cwd=self.work)
        self.log.wait_for("status page: ", 60)
        # chromedriver itself is reached over the loopback of the same host.
        self.enterContext(self.client.inside())
        self.udp = netclients.dhcp_socket()
        self.addCleanup(self.udp.close)
        self.browser = Browser(host=self.client)
        self.addCleanup(self.browser.close)

    def shows(self, name, badge, step):
        self.browser.wait(f"{CARD} return card && card.querySelector('.badge').textContent.startsWith(arguments[1])", 15, name, badge)
        self.assertEqual(self.browser.run(STEP, name), step)

    def pictures(self, name):
        """For people to look at: KILN_TEST_PICTURES names the directory."""
        directory = os.environ.get("KILN_TEST_PICTURES")
        if directory:
            self.browser.screenshot(os.path.join(directory, f"{name}.png"))

    def test_machines(self):
        """Two machines boot before its eyes; a third is refused, with markup for a serial number"""
        browser = self.browser
        browser.open(f"{URL}/")
        browser.wait("return document.getElementById('live').textContent === 'live'", 20)
        self.assertIn("No machine has asked yet.", browser.run("return document.getElementById('none').innerText"))
        self.pictures("empty")
        first, second = pretence.Machine(1, host=self.client), pretence.Machine(2, X64, serial="C7", host=self.client)
        offer = first.ask(self.udp)
        self.shows(first.mac, "DHCP", "DHCP")
        first.load_ipxe(offer)
        self.shows(first.mac, "iPXE", "iPXE")
        script = first.script(first.ask(self.udp, ipxe=True).boot_file)
        self.shows("web-1", "Script", "Script")
        pretence.fetch(script.kernel)
        self.shows("web-1", "Kernel", "Kernel")
        for url in script.initrds[:-1]:
            pretence.fetch(url)
        self.shows("web-1", "Initramfs", "Initramfs")
        self.pictures("booting")
        second.boot(self.udp)
        self.shows("db-1", "Up for", "Up")
        pretence.fetch(script.initrds[-1])
        first.report(script)
        self.shows("web-1", "Up for", "Up")
        self.assertIn("running", browser.run(TEXT, "web-1"))
        self.checked("both machines went through DHCP, iPXE, Script, Kernel, Initramfs, Up")

        third = pretence.Machine(3, memory=16, serial="<img src=http://192.0.2.1/x onerror=window.hit=1><script>window.hit=1</script>")
        third.script(f"{URL}/boot.ipxe")
        self.shows(third.mac, "In trouble", "Script")
        self.assertIn("the machine has 16 MiB of memory", browser.run(TEXT, third.mac))
        self.assertIn("<script>window.hit=1</script>", browser.run(TEXT, third.mac))
        self.assertIsNone(browser.run("return window.hit"))
        self.assertEqual(browser.run("return ['total', 'busy', 'up', 'failed'].map(id => document.getElementById(id).textContent)"), ["3", "0", "2", "1"])
        self.checked("what a machine says is text, not markup")

        browser.type("#find", "db-1")
        browser.wait("return document.querySelectorAll('#machines .card').length === 1", 10)
        browser.run("const find = document.getElementById('find'); find.value = ''; find.dispatchEvent(new Event('input'))")
        browser.wait("return document.querySelectorAll('#machines .card').length === 3", 10)
        self.checked("machines are found by name")
        self.fits()
        self.keeps_to_itself()

    def test_systems(self):
        """A build that fails is shown, and that the server is gone"""
        browser = self.browser
        browser.open(f"{URL}/")
        browser.wait("return document.querySelectorAll('#systems .card').length === 2", 20)
        self.assertIn("initramfs", browser.run("return document.getElementById('systems').innerText"))
        self.write("web.yml", "kernel: {imgae: x}\n")
        browser.wait("return document.getElementById('systems').innerText.includes(\"did you mean 'image'?\")", 15)
        self.pictures("build-failed")
        self.log.terminate()
        browser.wait("return document.getElementById('live').textContent === 'the server does not answer'", 20)

    def fits(self):
        browser = self.browser
        browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
        for width, height, name in [(1280, 900, "desk"), (768, 1024, "tablet"), (360, 740, "telephone")]:
            for dark in (False, True):
                browser.viewport(width, height)
                browser.dark(dark)
                self.assertLessEqual(browser.run(OVERFLOW), 0, f"it scrolls sideways at {width} pixels")
                self.pictures(name + ("-dark" if dark else ""))
        self.checked("nothing to scroll sideways at 1280, 768 and 360 pixels")

    def keeps_to_itself(self):
        urls = self.browser.requested_urls()
        self.assertGreater(len(urls), 4)
        self.assertEqual([url for url in urls if not url.startswith(URL + "/")], [])
        self.assertEqual(self.browser.console_messages(), [])
        self.checked(f"{len(urls)} requests, all to its server; nothing on the console")


if __name__ == "__main__":
    netlab.enter()
    case.main()
