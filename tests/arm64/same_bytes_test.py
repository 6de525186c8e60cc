#!/usr/bin/env python3
"""same_bytes_test.py AMD64_KILN EMULATOR…: Kiln compiled for arm64 ($KILN), run under user-mode emulation, builds what
Kiln compiled for this machine builds, byte for byte."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln, samples

HERE, EMULATOR = sys.argv[1], sys.argv[2:]


class SameBytes(case.Case):
    def test_same_bytes(self):
        """a system of every kind of file and layer, for both architectures, in every compression"""
        there, here = kiln.Kiln(self.path("there")), kiln.Kiln(self.path("here"), HERE)
        images = samples.everything()
        configuration = self.write_system(samples.system())
        built = []
        for builder, prefix in ((here, ()), (there, EMULATOR)):
            self.store_images(images, builder.store)
            for compression in ("zstd:3", "gzip:6", "none"):
                self.succeeds(builder.build(configuration, "-f", "tar,kernel+initrd", "--compression", compression,
                                            name="os-" + compression.replace(":", "-"), prefix=prefix))
            built.append(builder.outputs())
        self.assertEqual(sorted(built[0]), sorted(built[1]))
        for name, data in built[0].items():
            self.assertEqual(data, built[1][name], name)
        self.checked(f"{len(built[0])} outputs of Kiln for arm64 and of Kiln for this machine are the same")

    def test_it_is_for_arm64(self):
        """the program is one for arm64, so that the comparison is one"""
        with open(kiln.PROGRAM, "rb") as program:
            self.assertEqual(program.read(20)[18:20], b"\xb7\x00")  # EM_AARCH64 (ELF, e_machine)
        self.succeeds(self.kiln.run("version", prefix=EMULATOR))
        self.checked("its version is told under emulation")


if __name__ == "__main__":
    sys.argv[1:] = []
    case.main()
