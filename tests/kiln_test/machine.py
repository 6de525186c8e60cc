"""A program seen through what it prints, and a machine booted by `kiln run`, seen through its serial console."""

import os
import re
import signal
import subprocess
import threading
import time

# What firmware draws its screens with (ECMA-48 control sequences); at the end of a read one may be incomplete.
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;?=]*[@-~]|[^\[])")
_INCOMPLETE = re.compile(rb"\x1b(?:\[[0-9;?=]*)?\Z")


class Console:
    """A process whose output is read as it comes, and which can be typed to."""

    def __init__(self, command, name="the console", **more):
        self.text = ""  # without carriage returns and control sequences
        self.name = name
        self.began = time.monotonic()
        self._rest = b""
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **more
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            data = self._rest + data
            cut = _INCOMPLETE.search(data)
            self._rest = data[cut.start() :] if cut else b""
            data = _SEQUENCE.sub(b"", data[: cut.start()] if cut else data)
            with self._changed:
                self.text += data.decode("utf-8", "replace").replace("\r", "")
                self._changed.notify_all()

    def lines(self):
        return self.text.splitlines()

    def tail(self):
        return f"{self.name} ends in:\n{self.text[-4000:]}"

    def wait_for(self, pattern, timeout, after=0):
        """The match of the regular expression in the text, from the position `after` on; raises with the text's end if it
        does not come."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                if match := re.compile(pattern, re.MULTILINE).search(self.text, after):
                    return match
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    ended = self.process.poll()
                    why = f"within {timeout} s" if ended is None else f"before it ended with status {ended}"
                    raise AssertionError(f"no /{pattern}/ on {self.name} {why}; {self.tail()}")
                self._changed.wait(min(left, 0.5))

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def type_slowly(self, text):
        """As a person does: firmware and boot loaders look now and then at a UART that holds 16 characters."""
        for character in text:
            self.type(character)
            time.sleep(0.1)

    def ended(self, timeout):
        """The exit status."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} is still there after {timeout} s; {self.tail()}") from None
        self._reader.join(5)
        return status

    def terminate(self, timeout=20):
        """Asks the program to end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended(timeout)

    def kill(self):
        """Whatever still runs of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Machine(Console):
    """`kiln run` with its console piped into this process."""

    def __init__(self, kiln, *arguments):
        super().__init__(kiln.command("run", *arguments), env=kiln.environment(), cwd=kiln.directory)
