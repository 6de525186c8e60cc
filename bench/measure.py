"""Runs commands as whole processes and tells wall time, processor time and peak memory as the kernel counts them."""

import dataclasses
import os
import statistics
import subprocess
import time


@dataclasses.dataclass
class Run:
    wall: float  # seconds
    cpu: float  # seconds, user and system, children included
    peak: int  # bytes, of the largest single process


def run(command, **options):
    """Runs to the end; a command that fails ends the benchmark."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begin
    if process.returncode != 0:
        raise SystemExit(f"{command}: status {process.returncode}\n{errors.decode(errors='replace')}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def shell(text):
    return ["bash", "-o", "pipefail", "-c", text]


def pairs(first, second, count, before_first=None, before_second=None):
    """Two commands in turn, A B A B …, so that a change of the machine's speed meets both. One warm-up pair."""
    results = []
    for i in range(count + 1):
        if before_first:
            before_first()
        a = run(first)
        if before_second:
            before_second()
        b = run(second)
        if i > 0:
            results.append((a, b))
    return results


def median(values):
    return statistics.median(list(values))


def compare(results):
    """Median wall seconds of both, and the median of the ratios pair by pair."""
    return (median(a.wall for a, _ in results), median(b.wall for _, b in results),
            median(a.wall / b.wall for a, b in results))
