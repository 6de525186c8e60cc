"""A headless Chromium, driven through chromedriver by WebDriver (w3.org/TR/webdriver2), with the standard library alone."""

import base64
import json
import os
import re
import tempfile
import time
import urllib.error
import urllib.request

from kiln_test.machine import Console

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver §12.1, the web element identifier

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]


class Browser:
    """One window. Console messages and every request are recorded."""

    def __init__(self, width=1280, height=900, host=None):
        # Not below the test's own directory: Chromium makes a socket in it, whose path must be short.
        self.directory = tempfile.TemporaryDirectory(prefix="kiln-browser-", ignore_cleanup_errors=True)
        directory = self.directory.name
        command = ["chromedriver", "--port=0"]
        environment = {**os.environ, "HOME": directory, "TMPDIR": directory}
        self.driver = Console(host.command(*command) if host else command, name="chromedriver", env=environment)
        port = self.driver.wait_for(r"successfully on port (\d+)", 60)[1]
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        options = {
            "args": [*ARGUMENTS, f"--user-data-dir={directory}/profile", f"--window-size={width},{height}"],
            "perfLoggingPrefs": {"enableNetwork": True},
        }
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        try:
            answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}, 120)
        except AssertionError:
            self.driver.kill()
            raise
        self.session = answer["sessionId"]

    def _call(self, method, path, body=None, timeout=60):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method, headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            reason = json.load(error)["value"]
            raise AssertionError(f"WebDriver, {method} {path}: {reason['error']}: {reason['message'][:2000]}") from None

    def _do(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def open(self, url):
        self._do("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What the JavaScript returns."""
        return self._do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def type(self, css, text):
        element = self._do("POST", "/element", {"using": "css selector", "value": css})[_ELEMENT]
        self._do("POST", f"/element/{element}/value", {"text": text})

    def viewport(self, width, height):
        """Windows cannot be as narrow as telephones; their viewports can."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600}
        self._do("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})

    def dark(self, wanted=True):
        features = [{"name": "prefers-color-scheme", "value": "dark" if wanted else "light"}]
        self._do("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}})

    def screenshot(self, path):
        with open(path, "wb") as stream:
            stream.write(base64.b64decode(self._do("GET", "/screenshot")))

    def wait(self, script, timeout, *arguments):
        """Until the JavaScript returns something true; that."""
        deadline = time.monotonic() + timeout
        while not (value := self.run(script, *arguments)):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s: {script}; the page says:\n{self.run('return document.body.innerText')}")
            time.sleep(0.1)
        return value

    def console_messages(self):
        """Since the last call: errors, warnings and what scripts wrote."""
        return [entry["message"] for entry in self._do("POST", "/se/log", {"type": "browser"})]

    def requested_urls(self):
        """Since the last call."""
        urls = []
        for entry in self._do("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return [url for url in urls if not re.match(r"data:|about:|chrome", url)]

    def close(self):
        try:
            if self.session:
                self._do("DELETE", "")
        finally:
            self.driver.kill()
            self.directory.cleanup()
