"""Running the program under test, each time in an environment of which the test knows everything."""

import os
import signal
import subprocess
from dataclasses import dataclass

PROGRAM = os.environ.get("KILN", os.path.join(os.path.dirname(__file__), "../../build/dev/bin/kiln"))
PROGRAM = os.path.abspath(PROGRAM)
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


@dataclass
class Result:
    command: list
    status: int  # negative: the signal it died of
    stdout: str
    stderr: str

    def __str__(self):
        return f"{' '.join(self.command)}\nstatus {self.status}\n--- stdout\n{self.stdout}--- stderr\n{self.stderr}"


class Kiln:
    """kiln with a store, a home and a temporary directory of its own below `directory`."""

    def __init__(self, directory, program=PROGRAM):
        self.program = program
        self.directory = str(directory)
        self.store = os.path.join(self.directory, "store")
        self.home = os.path.join(self.directory, "home")
        self.out = os.path.join(self.directory, "out")
        self.temporary = os.path.join(self.directory, "tmp")
        for path in (self.home, self.out, self.temporary):
            os.makedirs(path, exist_ok=True)

    def environment(self, **more):
        environment = {"PATH": os.environ["PATH"], "HOME": self.home, "TMPDIR": self.temporary, "LANG": "C.UTF-8"}
        for name in ("KILN_DEBIAN_MIRROR", "http_proxy", "https_proxy", "no_proxy"):
            if name in os.environ:
                environment[name] = os.environ[name]
        environment.update(more)
        return environment

    def command(self, *arguments, store=None):
        return [self.program, "--cache", store or self.store, *map(str, arguments)]

    def start(self, *arguments, store=None, env=None, cwd=None, prefix=(), **more):
        return subprocess.Popen(
            [*prefix, *self.command(*arguments, store=store)],
            env=self.environment(**(env or {})),
            cwd=cwd or self.directory,
            stdin=subprocess.DEVNULL,
            **more,
        )

    def run(self, *arguments, timeout=300, **more):
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **more)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            stderr += f"\n(killed by the test after {timeout} s)\n".encode()
        return Result(process.args, process.returncode, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))

    def build(self, *files, arch="amd64", name="os", out=None, **more):
        """kiln build into self.out; `files` are YAML files and further options."""
        return self.run("build", "--arch", arch, "--name", name, "--dir", out or self.out, *files, **more)

    def outputs(self, out=None):
        """name: bytes of what stands in the output directory."""
        directory = out or self.out
        found = {}
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), "rb") as stream:
                found[name] = stream.read()
        return found
