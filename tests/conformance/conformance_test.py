#!/usr/bin/env python3
"""Every case of cases/*.md: what LinuxKit's documentation and behaviour say about a YAML, its images and what comes out.

    conformance_test.py [WORD …]     only cases whose file or title contains one of the words
    UPDATE_GOLDEN=1 …                writes what Kiln does into the cases (to be read before it is believed), and skips
"""

import concurrent.futures
import difflib
import glob
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from document import Document, Malformed
from kiln_test import case as frame
from trial import EXPECTATIONS, Trial
from web import Pages, Web

HERE = os.path.dirname(os.path.abspath(__file__))


def documents():
    paths = sorted(glob.glob(os.path.join(HERE, "cases", "*.md")))
    return [Document(path, os.path.basename(path)[:-3]) for path in paths]


def try_case(case, parent, web, number):
    """[(block, got, expected)] of what is not as it should be; or all answers, to update with."""
    directory = tempfile.mkdtemp(prefix=f"{case.file.name}-{number}-", dir=parent)
    trial = Trial(case, directory, Pages(web, f"{case.file.name}-{number}"))
    try:
        trial.run()
        wrong = [answer for answer in trial.answers() if answer[1] != answer[2]]
    except Exception as error:  # pylint: disable=broad-except: a case that cannot be judged has failed
        return [(None, f"{type(error).__name__}: {error}\n", "an answer\n")], directory
    if not wrong:
        trial.discard()
    return wrong, directory


def describe(case, wrong, directory):
    lines = []
    for block, got, expected in wrong:
        where = f"{case.file.path}:{block.line if block else case.line}: {' '.join([block.kind, *block.arguments]) if block else 'outcome'}"
        lines.append(f"  {where}")
        diff = difflib.unified_diff(expected.splitlines(), got.splitlines(), "expected", "got", lineterm="", n=2)
        lines += ["    " + line for line in diff]
    return "\n".join([*lines, f"  what it left is in {directory}"])


def check(case):
    if not any(block.kind in EXPECTATIONS for block in case.blocks):
        raise Malformed(f"{case.file.path}:{case.line}: the case expects nothing")


def chosen(words):
    for document in documents():
        for number, case in enumerate(document.cases, 1):
            check(case)
            if not words or any(word in document.name or word in case.title for word in words):
                yield number, case


def update(results):
    texts = {}
    for case, (wrong, _) in results:
        for block, got, _ in wrong:
            if block is not None:
                texts.setdefault(case.file, []).append((block, got))
    for document, pairs in texts.items():
        document.rewrite(pairs)
        print(f"rewrote {len(pairs)} blocks of {document.path}")


def main():
    sys.stdout.reconfigure(line_buffering=True)
    began = time.monotonic()
    parent = os.path.join(frame.WORK, "conformance")
    os.makedirs(parent, exist_ok=True)
    web = Web()
    cases = list(chosen(sys.argv[1:]))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [(case, pool.submit(try_case, case, parent, web, number)) for number, case in cases]
        results = []
        for case, future in running:
            wrong, directory = future.result()
            results.append((case, (wrong, directory)))
            print(f"{'FAILED' if wrong else 'ok':6}  {case.file.name}: {case.title} [{case.subject}]")
            if wrong:
                print(describe(case, wrong, directory))
    web.stop()
    failed = sum(bool(wrong) for _, (wrong, _) in results)
    print(f"{len(results)} cases, {failed} failed, {time.monotonic() - began:.1f} s")
    if os.environ.get("UPDATE_GOLDEN"):
        update(results)
        sys.exit(frame.SKIPPED)
    if not results:
        sys.exit("no case has one of these words in its title or its file's name")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    try:
        main()
    except Malformed as error:
        sys.exit(str(error))
