"""What the machines of the provider tests boot."""

import os
import shutil
import struct
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../boot"))
from boot_test import shared_store
from kiln_test import case, kiln, yaml

SYSTEM = {
    "kernel": {"image": "@kiln:kernel-cloud", "cmdline": "console=ttyAMA0"},
    "init": ["@kiln:init", "@kiln:crun"],
    "services": [{"name": "getty", "image": "@kiln:getty", "env": ["INSECURE=true"]}],
}

# The header of a raw arm64 Image with EFI stub (Documentation/arch/arm64/booting.rst), and nothing behind it.
QUICK_KERNEL = struct.pack("<2s2xI4Q", b"MZ", 0, 0, 4096, 0, 0) + bytes(16) + b"ARMd" + bytes(4096)


def ipxe_program():
    return os.path.join(case.WORK, "ipxe-arm64.efi")


def boots_here(name, *preparations):
    """Before the test has a network of its own, if `name` is among the tests that are to run: what comes from Debian's
    archive."""
    wanted = [argument.split(".")[0] for argument in sys.argv[1:]]
    if os.environ.get("KILN_NETLAB") == "1" or (wanted and name not in wanted):
        return
    os.makedirs(case.WORK, exist_ok=True)
    for preparation in preparations:
        preparation()


def _build(system, *options):
    directory = os.path.join(case.WORK, f"systems-{os.getpid()}")
    builder = kiln.Kiln(directory)
    builder.store = shared_store()
    path = os.path.join(directory, "os.yml")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(yaml.dump(system))
    result = builder.build(path, *options, arch="arm64", timeout=1500)
    if result.status != 0:
        sys.exit(f"building what is booted failed:\n{result}")
    return directory, builder.out


def fill_store():
    directory, _ = _build(SYSTEM)
    shutil.rmtree(directory)


def build_ipxe():
    directory, out = _build({"init": ["@kiln:ipxe"]}, "--format", "tar")
    with tarfile.open(os.path.join(out, "os.tar")) as tar, open(ipxe_program(), "wb") as stream:
        stream.write(tar.extractfile("usr/lib/ipxe/ipxe-arm64.efi").read())
    shutil.rmtree(directory)


def build_system(test):
    """os-kernel, os-initrd.img and os-cmdline in the test's output directory, from the store."""
    test.kiln.store = shared_store()
    test.succeeds(test.kiln.build(test.write_system(SYSTEM), arch="arm64", timeout=600))
