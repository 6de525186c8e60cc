#!/usr/bin/env python3
"""Called as `linuxkit` or `moby`, Kiln has their manners: options, names, messages, statuses, places."""

import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln, layer, samples
from kiln_test.image import Image
from kiln_test.layer import file

DATE = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"


def image(name):
    return Image([[file(name, samples.noise(20_000, name), 0o755)]], config=samples.COMMAND)


def kernel():
    return Image([[file("kernel", samples.KERNEL), file("kernel.tar", layer.tar(samples.MODULES))]])


class Dialects(case.Case):
    def called_as(self, name):
        """Kiln under that name; it gets no --cache."""
        link = self.path("bin", name)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.islink(link):
            os.symlink(kiln.PROGRAM, link)

        def run(*words, env=None, stdin=""):
            process = subprocess.run(
                [link, *words], input=stdin, capture_output=True, text=True, timeout=120, cwd=self.kiln.out, env=self.kiln.environment(**(env or {}))
            )
            return kiln.Result([name, *words], process.returncode, process.stdout, process.stderr)

        return run

    def system(self, path="os.yml"):
        """One of every section; its images are where LinuxKit keeps them."""
        images = {f"docker.io/team/{name}:1": image(name) for name in ("init", "once", "app")}
        images["docker.io/team/kernel:1"] = kernel()
        self.store_images(images, os.path.join(self.kiln.home, ".linuxkit/cache"))
        return self.write_system(
            {
                "kernel": {"image": "team/kernel:1", "cmdline": "console=ttyS0"},
                "init": ["team/init:1"],
                "onboot": [{"name": "once", "image": "team/once:1"}],
                "services": [{"name": "app", "image": "team/app:1"}],
                "files": [{"path": "etc/x", "contents": "x"}],
            },
            path,
        )

    def made(self):
        return sorted(os.listdir(self.kiln.out))

    def test_linuxkit_build(self):
        """linuxkit build: the cache in ~/.linuxkit, its steps on stderr, nothing on stdout"""
        linuxkit = self.called_as("linuxkit")
        result = self.succeeds(linuxkit("build", "--arch", "amd64", self.system()))
        self.assertEqual(result.stdout, "")
        lines = [line for line in result.stderr.splitlines() if not re.match(r"(index|render|extract) ", line)]
        steps = """Extract kernel image: docker.io/team/kernel:1
Add init containers:
Process init image: docker.io/team/init:1
Add onboot containers:
  Create OCI config for docker.io/team/once:1
Add service containers:
  Create OCI config for docker.io/team/app:1
Add files:
Create outputs:
  os-kernel
  os-initrd.img
  os-cmdline"""
        self.assertEqual("\n".join(lines), steps)
        self.assertEqual(self.made(), ["os-cmdline", "os-initrd.img", "os-kernel"])
        with open(os.path.join(self.kiln.out, "os-initrd.img"), "rb") as stream:
            self.assertEqual(stream.read(2), b"\x1f\x8b")
        self.checked("the steps, the files, an initramfs by gzip")
        result = self.succeeds(linuxkit("-v", "1", "build", "--arch", "amd64", self.system()))
        self.assertRegex(result.stderr, r'(?m)^time="\S+" level=info msg="Add files:"$')
        self.checked("-v 1 gives lines a level")
        self.assertEqual(self.succeeds(linuxkit("-q", "build", "--arch", "amd64", self.system())).stderr, "")
        self.checked("-q none")

    def test_linuxkit_failures(self):
        """linuxkit: two lines and status 1 for every error, whatever kind"""
        linuxkit = self.called_as("linuxkit")
        for words, message in (
            (["build", "nowhere.yml"], "opening 'nowhere.yml': No such file or directory"),
            (["bild"], "unknown verb 'bild'"),
            (["build", "--format", "floppy", self.system()], "unknown format 'floppy'"),
        ):
            result = linuxkit(*words)
            self.assertEqual((result.status, result.stdout), (1, ""))
            first, second = result.stderr.splitlines()[:2]
            self.assertTrue(first.startswith("Error: " + message), first)
            self.assertRegex(second, f"^{DATE} error during command execution: " + re.escape(message))
        result = linuxkit("-v", "4", "version")
        self.assertEqual(result.status, 1)
        self.checked("an unreadable file, an unknown verb, an unknown format, -v 4")
        settings = os.path.join(self.kiln.home, ".moby/linuxkit/config.yml")
        os.makedirs(os.path.dirname(settings))
        for text, status in (("pkg: {}\n", 0), ("", 0), ("pkg: [\n", 1), ("other: 1\n", 1)):
            with open(settings, "w", encoding="utf-8") as stream:
                stream.write(text)
            self.assertEqual(linuxkit("version").status, status, text)
        self.checked("~/.moby/linuxkit/config.yml must be valid")
        self.succeeds(self.kiln.run("version"))
        self.checked("which does not concern kiln")

    def test_linuxkit_caches(self):
        """linuxkit: LINUXKIT_CACHE, --cache, cache ls on stderr"""
        linuxkit = self.called_as("linuxkit")
        self.system()
        result = self.succeeds(linuxkit("cache", "ls", env={"KILN_CACHE": self.path("elsewhere")}))
        self.assertEqual(result.stdout, "")
        header, *rows = result.stderr.splitlines()
        self.assertEqual(header, f"{'image name':<80} root manifest hash")
        self.assertEqual([row.split()[0] for row in rows], [f"docker.io/team/{name}:1" for name in ("app", "init", "kernel", "once")])
        self.assertEqual(rows[0], f"{'docker.io/team/app:1':<80} {image('app').descriptor['digest']}")
        self.store_images({"docker.io/team/other:1": image("other")}, self.path("by-variable"))
        for words, env in ((["--cache", self.path("by-variable")], {}), ([], {"LINUXKIT_CACHE": self.path("by-variable")})):
            self.assertIn("team/other:1", self.succeeds(linuxkit(*words, "cache", "ls", env=env)).stderr)
        self.checked("the default, the flag and the variable")

    def test_versions(self):
        """version as each program words it"""
        number = self.succeeds(self.kiln.run("version", "--short")).stdout
        commit = self.succeeds(self.kiln.run("version", "--commit")).stdout
        self.assertRegex(number, r"^\d+\.\d+\.\d+\n$")
        self.assertRegex(commit, r"^([0-9a-f]{40}|unknown)\n$")
        for name, words in (("kiln", "kiln "), ("linuxkit", "linuxkit version "), ("moby", "moby version ")):
            self.assertEqual(self.succeeds(self.called_as(name)("version")).stdout, f"{words}{number}commit: {commit}")
        told = json.loads(self.succeeds(self.kiln.run("--json", "version")).stdout)
        self.assertEqual(told, {"version": number.strip(), "commit": commit.strip()})
        self.checked("kiln, linuxkit, moby; --short, --commit, --json")

    def test_moby(self):
        """moby build of 2017 and 2018: single dashes, -output, names without .yml"""
        moby = self.called_as("moby")
        self.system("out/os.yml")
        result = self.succeeds(moby("build", "-arch", "amd64", "-disable-content-trust", "os"))
        self.assertIn("Create outputs:\n", result.stderr)
        self.assertEqual(self.made(), ["os-cmdline", "os-initrd.img", "os-kernel", "os.yml"])
        self.succeeds(moby("-q", "-config", "x", "build", "-arch=amd64", "-name", "old", "-output", "kernel+initrd,tar", "os.yml"))
        self.assertEqual(self.made(), ["old-cmdline", "old-initrd.img", "old-kernel", "old.tar", "os-cmdline", "os-initrd.img", "os-kernel", "os.yml"])
        for name in self.made():
            if name != "os.yml":
                os.unlink(os.path.join(self.kiln.out, name))
        self.checked("today's names")
        os.rename(os.path.join(self.kiln.out, "os.yml"), os.path.join(self.kiln.out, "moby.yaml"))
        self.succeeds(moby())
        self.assertEqual(self.made(), ["moby-bzImage", "moby-cmdline", "moby-initrd.img", "moby.yaml"])
        self.succeeds(moby("-name", "os", "moby.yaml"))
        self.assertIn("os-bzImage", self.made())
        self.checked("without a verb, those of March 2017")
        result = moby("build", "nowhere")
        self.assertEqual(result.status, 1)
        self.assertRegex(result.stderr, r"""^time="\S+" level=fatal msg="opening 'nowhere.yml': No such file or directory"\n""")
        self.checked("errors are fatal lines of a log")

    def test_closed_pipe(self):
        """a tar to a pipe that closes: the build ends, by SIGPIPE as other tools do, and leaves nothing behind"""
        system = self.system()
        store = os.path.join(self.kiln.home, ".linuxkit/cache")
        for words in (["--o", "-"], ["-o", "-"]):
            process = self.kiln.start("build", "--arch", "amd64", *words, system, store=store, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(len(process.stdout.read(512)), 512)
            process.stdout.close()
            errors = process.stderr.read().decode()
            process.stderr.close()
            status = process.wait(timeout=60)
            self.assertIn(status, (-signal.SIGPIPE, 1), errors)
        self.assertEqual(self.made(), [])
        left = [name for _, _, names in os.walk(store) for name in names if name.endswith(".tmp")]
        self.assertEqual(left, [])
        self.checked("no file, no temporary")
        whole = self.kiln.run("build", "--arch", "amd64", "-o", self.path("whole.tar"), system, store=store)
        self.succeeds(whole)

    def test_help(self):
        """every verb has a help, by `help VERB` and by --help, that names no other program"""
        for name in ("kiln", "linuxkit", "moby"):
            run = self.called_as(name)
            top = self.succeeds(run("help")).stdout
            self.assertEqual(top, self.succeeds(run("--help")).stdout)
            self.assertIn(f"Usage: {name} ", top)
            verbs = [line.split("\t")[0] for line in run("__complete", "").stdout.splitlines()]
            self.assertTrue({"build", "run", "push", "pkg", "cache", "metadata", "serve", "version", "completion", "help"} <= set(verbs), verbs)
            for verb in verbs:
                below = [line.split("\t")[0] for line in run("__complete", verb, "").stdout.splitlines()]
                for words in [[verb], *([verb, one] for one in below)]:
                    text = self.succeeds(run("help", *words)).stdout
                    self.assertIn("Usage: ", text)
                    for line in text.splitlines():
                        self.assertLessEqual(len(line), 180, line)
            result = run("help", "nothing")
            self.assertEqual(result.status, 1)
            self.assertIn("unknown verb 'nothing'", result.stderr)
        self.checked("help of every verb and of those below it")

    def test_completion(self):
        """completion: bash completes verbs, options and files"""
        self.needs("bash")
        script = self.succeeds(self.kiln.run("completion", "bash")).stdout
        os.symlink(kiln.PROGRAM, self.path("kiln"))
        self.write("out/os.yml", "")

        def completed(*words):
            """What bash offers for the last of the words."""
            line = f"""
            {script}
            COMP_WORDS=(kiln {' '.join(f"'{word}'" for word in words)}); COMP_CWORD={len(words)}
            _kiln_complete; printf '%s\\n' "${{COMPREPLY[@]}}"
            """
            environment = self.kiln.environment(PATH=self.work + ":" + os.environ["PATH"])
            return self.tool("bash", "-euc", line, cwd=self.kiln.out, env=environment).decode().split()

        self.assertEqual(completed("cac"), ["cache"])
        self.assertEqual(completed("cache", "cl"), ["clean"])
        self.assertEqual(completed("build", "--dr"), ["--dry-run"])
        self.assertEqual(completed("build", "o"), [])
        self.checked("bash")
        for shell, marks in (("zsh", "compdef _linuxkit linuxkit"), ("fish", "complete -c linuxkit"), ("powershell", "-CommandName 'linuxkit'")):
            self.assertIn(marks, self.succeeds(self.called_as("linuxkit")("completion", shell)).stdout)
        result = self.kiln.run("completion", "tcsh")
        self.fails_with(result, "error: no completion for 'tcsh': expected bash, zsh, fish or powershell\n")


if __name__ == "__main__":
    case.main()
