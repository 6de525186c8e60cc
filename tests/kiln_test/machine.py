"""A machine booted by `kiln run`, seen through its serial console."""

import os
import re
import signal
import subprocess
import threading
import time


class Machine:
    """`kiln run` with its console piped into this process."""

    def __init__(self, kiln, *arguments):
        self.text = ""
        self.began = time.monotonic()
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            kiln.command("run", *arguments),
            env=kiln.environment(),
            cwd=kiln.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self._changed:
                self.text += data.decode("utf-8", "replace").replace("\r", "")
                self._changed.notify_all()

    def lines(self):
        return self.text.splitlines()

    def wait_for(self, pattern, timeout):
        """The match of the regular expression on the console; raises with the console's end if it does not come."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                if match := re.search(pattern, self.text, re.MULTILINE):
                    return match
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    ended = self.process.poll()
                    why = f"within {timeout} s" if ended is None else f"before it ended with status {ended}"
                    raise AssertionError(f"no /{pattern}/ on the console {why}; it ends in:\n{self.text[-4000:]}")
                self._changed.wait(min(left, 0.5))

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def ended(self, timeout):
        """The exit status of `kiln run`."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the machine still runs after {timeout} s; its console ends in:\n{self.text[-4000:]}") from None
        self._reader.join(5)
        return status

    def kill(self):
        """Whatever still runs of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
