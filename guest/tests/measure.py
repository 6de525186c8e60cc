#!/usr/bin/env python3
"""Measures the lab's boot: guest/tests/measure.py ARCH DIR [RUNS]

Boots the image lab.sh has made RUNS times and prints, for each boot and as medians, the CPU seconds QEMU spent in every stage between the
guest's console lines. On a busy machine CPU time says more than the clock; the guest's own "up in" is shown beside it.
"""
import glob
import os
import re
import statistics
import subprocess
import sys

MARK = re.compile(r"(?:kiln: (?P<root>root and)|kiln: (?P<modules>\d+ modules)|(?P<onboot>onboot \S+): |"
                  r"kiln: up in (?P<up>[\d.]+)s.*used (?P<used>\d+) MiB)")


def cpu_seconds(pid):
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            total += int(open(path).read().split()[0])
        except OSError:
            pass  # the thread has ended
    return total / 1e9


def boot(arch, directory):
    lab = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab.sh")
    qemu = subprocess.Popen([lab, "boot", arch, directory], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    marks, up, used = [], None, None
    for line in qemu.stdout:
        found = MARK.search(line.decode(errors="replace"))
        if not found:
            continue
        marks.append(cpu_seconds(qemu.pid))
        if found["up"]:
            up, used = float(found["up"]), int(found["used"])
            break
    qemu.kill()
    qemu.wait()
    if up is None:
        sys.exit("the guest did not come up")
    return [after - before for before, after in zip(marks, marks[1:])], up, used


def main():
    arch, directory = sys.argv[1:3]
    runs = [boot(arch, directory) for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 5)]
    show = lambda label, steps, up, used: print(
        f"{label:>6}  {sum(steps):5.2f} CPU s = " + " + ".join(f"{step:.2f}" for step in steps) + f"; up in {up:.2f} s, {used} MiB")
    for number, run in enumerate(runs, 1):
        show(number, *run)
    show("median", [statistics.median(step) for step in zip(*(run[0] for run in runs))],
         statistics.median(run[1] for run in runs), int(statistics.median(run[2] for run in runs)))


main()
