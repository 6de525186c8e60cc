"""One case put to Kiln: its images and files are made, the command is run, and each expectation gets an answer."""

import json
import os
import shutil
import subprocess
import tarfile

import notation
from kiln_test import initramfs, kiln, tarball
from kiln_test.image import Image, Index
from kiln_test.layout import Layout

LABEL = "org.mobyproject.config"
APP = "containers/services/app"
SOURCES = ("LINUXKIT.source", "LINUXKIT.location")
EXPECTATIONS = ("tar", "tree", "flattened", "initrd", "content", "config", "runtime", "outputs", "stdout", "stderr", "error")


def canonical(name):
    """A reference as the store has it (spec yaml.md §9)."""
    parts = name.split("/")
    if len(parts) == 1:
        return "docker.io/library/" + name
    if len(parts) == 2 and not ("." in parts[0] or ":" in parts[0] or parts[0] == "localhost"):
        return "docker.io/" + name
    return name


def _joined(lines):
    """Directives with JSON may go on in indented lines."""
    out = []
    for line in lines:
        if out and line.startswith("  ") and out[-1].startswith(("config ", "label ")):
            out[-1] += line.strip()
        else:
            out.append(line)
    return out


def make_image(block):
    """`image NAME [arch=A] [variant=V] [docker] [gzip|zstd|none]`, then `config JSON`, `label JSON`, and layers: `layer
    [COMPRESSION]` or `layers N` (with {n} in each of them) and their entries."""
    how = {"arch": "amd64", "compression": "gzip"}
    for word in block.arguments[1:]:
        name, _, value = word.partition("=")
        if value:
            how[name] = value
        elif word == "docker":
            how["docker"] = True
        else:
            how["compression"] = word
    config, layers = {}, []
    for line in _joined(block.lines):
        words = line.split()
        if line.startswith("config "):
            config.update(json.loads(line[7:]))
        elif line.startswith("label "):
            config.setdefault("Labels", {})[LABEL] = line[6:]
        elif words[:1] == ["layer"]:
            layers.append((words[1] if len(words) > 1 else how["compression"], 1, []))
        elif words[:1] == ["layers"]:
            layers.append((how["compression"], int(words[1]), []))
        else:
            if not layers:
                layers.append((how["compression"], 1, []))
            layers[-1][2].append(line)
    tables, compressions = [], []
    for compression, times, lines in layers or [(how["compression"], 1, [])]:
        for n in range(1, times + 1):
            tables.append(notation.parse_entries([line.replace("{n}", str(n)) for line in lines]))
            compressions.append(compression)
    how["compression"] = compressions
    return Image(tables, config=config, **how)


def make_images(blocks):
    """name: image; blocks of one name are platforms of one index."""
    named = {}
    for block in blocks:
        named.setdefault(canonical(block.arguments[0]), []).append(make_image(block))
    return {name: images[0] if len(images) == 1 else Index(images, docker=images[0].docker) for name, images in named.items()}


def elided(got, expected):
    """`got` with "…" for the end of each line whose expectation ends in it."""
    lines, wanted = got.splitlines(), expected.splitlines()
    for number, (line, want) in enumerate(zip(lines, wanted)):
        if want.endswith("…") and line.startswith(want[:-1]):
            lines[number] = want
    return "".join(line + "\n" for line in lines)


class Trial:
    """A case in a directory of its own. `web` serves what the case has under http://HOST/."""

    def __init__(self, case, directory, web):
        self.case, self.directory, self.web = case, directory, web
        self.kiln = kiln.Kiln(directory)
        own = {block.arguments[0] for block in case.all("image")}
        self.blocks = case.blocks + [block for block in case.file.shared if block.kind != "image" or block.arguments[0] not in own]
        self.here = os.path.join(directory, "here")
        self.out = os.path.join(self.here, "out")
        os.makedirs(self.out)
        self._nodes = None

    def run(self):
        images = make_images([block for block in self.blocks if block.kind == "image"])
        layout = Layout(self.kiln.store)
        for name, image in images.items():
            layout.add(name, image)
        for block in self.blocks:
            if block.kind == "file":
                self._write(block.arguments[0], block.text)
        arguments, stdin = self._inputs()
        for block in self.case.all("setup"):
            subprocess.run(["sh", "-ec", block.text], env=self.kiln.environment(KILN=self.kiln.program, KILN_CACHE=self.kiln.store), cwd=self.here, check=True, stdout=subprocess.DEVNULL)
        for command in self._commands(arguments):
            self.result = subprocess.run(
                [self.kiln.program, "--cache", self.kiln.store, *command],
                env=self.kiln.environment(),
                cwd=self.here,
                input=stdin.encode(),
                capture_output=True,
                timeout=120,
            )

    def _write(self, name, text):
        path = os.path.join(self.here, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def _inputs(self):
        """The YAML files as arguments, and what is on standard input."""
        arguments, stdin = [], ""
        for block in self.blocks:
            if block.kind != "yaml":
                continue
            name = block.arguments[0] if block.arguments else "os.yml"
            if name == "-":
                stdin = block.text
            elif name.startswith("http://HOST/"):
                status = int(block.arguments[1]) if len(block.arguments) > 1 else 200
                name = self.web.publish(name.removeprefix("http://HOST/"), block.text, status)
            else:
                self._write(name, block.text)
            arguments.append(name)
        if not arguments:
            image = next(block.arguments[0] for block in self.blocks if block.kind == "image")
            self._write("os.yml", f"services:\n  - name: app\n    image: {image}\n")
            arguments = ["os.yml"]
        return arguments, stdin

    def _commands(self, arguments):
        runs = self.case.all("run")
        if not runs:
            return [["build", "--quiet", "--arch", "amd64", "--dir", "out", "--format", "tar", *arguments]]
        commands = []
        for line in runs[0].lines:
            words = line.split()
            if words[0] == "build":
                words[1:1] = ["--quiet", "--arch", "amd64"] if "--arch" not in words else ["--quiet"]
            commands.append([word for one in words for word in (arguments if one == "FILES" else [one])])
        return commands

    # Expectations. Each has an answer: what the block would say if it were right.

    def answers(self):
        """[(block, what was got, what was expected)]; an unexpected failure is one of them, without a block."""
        expectations = [block for block in self.case.blocks if block.kind in EXPECTATIONS]
        kinds = {block.kind for block in expectations}
        stderr = self._readable(self.result.stderr)
        if self.result.returncode != 0 and "error" not in kinds:
            return [(None, f"it failed with status {self.result.returncode}:\n{stderr}", "success\n")]
        if self.result.returncode == 0 and "error" in kinds:
            return [(block, "it succeeded\n", block.text) for block in expectations if block.kind == "error"]
        out = [] if kinds & {"error", "stderr"} or not stderr else [(None, stderr, "")]
        return out + [self._answer(block, stderr) for block in expectations]

    def _answer(self, block, stderr):
        if block.kind in ("config", "runtime"):
            text = self._bytes(f"{self._bundle(block)}/{block.kind}.json")
            got, expected = notation.answer_picks(block.lines, json.loads(text))
            return block, got, expected
        simple = {
            "error": lambda: self._error(stderr),
            "stderr": lambda: stderr,
            "stdout": lambda: self._readable(self.result.stdout),
            "outputs": self._outputs,
            "content": lambda: self._content(block.arguments[0]),
            "tree": lambda: self._tree(*block.arguments),
            "initrd": lambda: self._initrd(*block.arguments),
            "tar": lambda: self._entries(*block.arguments),
            "flattened": lambda: self._flattened(*block.arguments),
        }
        return block, elided(simple[block.kind](), block.text), block.text

    def _error(self, stderr):
        return stderr if self.result.returncode == 1 else f"status {self.result.returncode}\n{stderr}"

    def _readable(self, output):
        return self.web.readable(output.decode("utf-8", "replace").replace(self.here, "HERE"))

    def _bundle(self, block):
        name = block.arguments[0] if block.arguments else "app"
        return f"containers/{name}" if "/" in name else f"containers/services/{name}"

    @property
    def tar(self):
        for directory in (self.out, self.here):
            for name in sorted(os.listdir(directory)):
                if name.endswith(".tar"):
                    return os.path.join(directory, name)
        raise FileNotFoundError("no tar was made")

    def nodes(self):
        if self._nodes is None:
            self._nodes = tarball.read(self.tar)
            with tarfile.open(self.tar, errors="surrogateescape") as archive:
                self._contents = {
                    member.name: archive.extractfile(member).read() for member in archive if member.isfile() or member.islnk()
                }
        return self._nodes

    def _bytes(self, path):
        self.nodes()
        return self._contents[path]

    def _below(self, nodes, path):
        if not path:
            return nodes, path
        inside = {name[len(path) + 1 :]: node for name, node in nodes.items() if name.startswith(path + "/")}
        return inside, path + "/"

    def _rows(self, path):
        inside, prefix = self._below(self.nodes(), path)
        return notation.rows_of(inside, lambda name: self._bytes(prefix + name))

    def _tree(self, path=""):
        return notation.columns(self._rows(path))

    def _flattened(self, path=APP + "/lower"):
        if path == "/":
            return notation.columns(notation.without_standard(self._rows(""), notation.STANDARD_OF_INIT))
        return notation.columns(notation.without_standard(self._rows(path), notation.STANDARD))

    def _entries(self, name=None):
        """The tar as it is: every entry in order, repeated ones too, with LinuxKit's records of where it came from."""
        rows = []
        with tarfile.open(os.path.join(self.out, name) if name else self.tar, errors="surrogateescape") as archive:
            for member in archive:
                content = archive.extractfile(member).read() if member.isreg() else b""
                origin = [member.pax_headers[key] for key in SOURCES if key in member.pax_headers]
                rows.append(notation.tar_row(member, content) + (["<- " + " ".join(origin)] if origin else []))
        return notation.columns(rows)

    def _initrd(self, path=""):
        with open(os.path.join(self.out, "os-initrd.img"), "rb") as stream:
            data = stream.read()
        nodes = {name: node for name, node in initramfs.read(data).items() if not name.startswith(".kiln")}
        contents = {}
        for entry in initramfs.entries(initramfs.unpacked(data)):
            contents.setdefault(entry.path, entry.content)
        inside, prefix = self._below(nodes, path)
        return notation.columns(notation.rows_of(inside, lambda name: contents[prefix + name]))

    def _content(self, path):
        data = self._bytes(path).decode("utf-8", "replace")
        return data if data.endswith("\n") else data + "\n(no newline at the end)\n"

    def _outputs(self):
        """Names, and the content of the small ones that are text."""
        lines = []
        for name in sorted(os.listdir(self.out)):
            with open(os.path.join(self.out, name), "rb") as stream:
                data = stream.read()
            shown = "" if name.endswith((".tar", ".img")) else "  " + notation.show_content(data)
            lines.append(name + shown + "\n")
        return "".join(lines)

    def discard(self):
        shutil.rmtree(self.directory, ignore_errors=True)
