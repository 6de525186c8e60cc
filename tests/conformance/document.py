"""Cases written in Markdown: a heading, a sentence about what is to hold, and fenced blocks with input and expectation.

A block's fence says what it is: ```` ```tree boot ```` is of kind "tree" with the argument "boot". Blocks before the first
heading of a case belong to all cases of the file.
"""

import re
import shlex
from dataclasses import dataclass, field

# Which sentence of the specification a case is about: "yaml.md §5.1: …", "layout.md Quirk 8: …".
SUBJECT = re.compile(r"^(yaml|layout|oci-runtime|cli|pkg|guest)\.md (§[0-9.]+|Quirks? [0-9]+)")


@dataclass
class Block:
    kind: str
    arguments: list
    lines: list
    line: int  # of the first line of content, from 0
    end: int  # of the closing fence

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)


@dataclass
class Case:
    file: "Document"
    title: str
    line: int
    subject: str = ""
    blocks: list = field(default_factory=list)

    def all(self, kind):
        return [block for block in self.blocks if block.kind == kind]


class Malformed(Exception):
    pass


class Document:
    """One file of cases."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        with open(path, encoding="utf-8") as stream:
            self.lines = stream.read().split("\n")
        self.shared = []
        self.cases = []
        self._parse()

    def _parse(self):
        number = 0
        while number < len(self.lines):
            line = self.lines[number]
            if line.startswith("## "):
                self.cases.append(Case(self, line[3:].strip(), number + 1))
            elif line.startswith("```"):
                block = self._block(number)
                (self.cases[-1].blocks if self.cases else self.shared).append(block)
                number = block.end
            elif self.cases and not self.cases[-1].subject and SUBJECT.match(line):
                self.cases[-1].subject = SUBJECT.match(line)[0]
            number += 1
        for case in self.cases:
            if not case.subject:
                raise Malformed(f"{self.path}:{case.line}: the case does not begin with what it is about, such as 'yaml.md §3: …'")

    def _block(self, number):
        words = shlex.split(self.lines[number][3:])
        end = number + 1
        while end < len(self.lines) and self.lines[end] != "```":
            end += 1
        if not words or end == len(self.lines):
            raise Malformed(f"{self.path}:{number + 1}: a block without a kind or an end")
        return Block(words[0], words[1:], self.lines[number + 1 : end], number + 1, end)

    def rewrite(self, texts):
        """Saves the file with new content for some blocks: [(block, text)]."""
        for block, text in sorted(texts, key=lambda pair: -pair[0].line):
            self.lines[block.line : block.end] = text.splitlines()
        with open(self.path, "w", encoding="utf-8") as stream:
            stream.write("\n".join(self.lines))
