#!/usr/bin/env python3
"""LinuxKit's own YAML and image configurations give LinuxKit's own config.json, runtime.json and files, byte for byte, and
the tar of LinuxKit, header for header."""

import dataclasses
import difflib
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, kiln, layer, rawtar, samples, tarball
from kiln_test.image import Image, Index
from kiln_test.layer import Entry, directory, file

GOLDEN = os.path.join(kiln.SOURCE, "src/runtime/testdata/golden")


def image_configs():
    with open(os.path.join(GOLDEN, "image-configs.json"), encoding="utf-8") as stream:
        return json.load(stream)


def golden_images():
    """The images of the golden YAMLs: their real configurations on small layers, for two architectures."""
    configs = image_configs()
    images = {}
    for name, recorded in configs.items():
        layers = [[file(f"layer-{i}-of-{name}", f"{name} {i}\n")] for i in range(recorded["layers"])]
        if name == "kernel":
            layers = [[file("kernel", samples.KERNEL), file("kernel.tar", layer.tar(samples.MODULES)), file("intel-ucode.cpio", bytes(512))]]
        both = [Image(layers, arch, config=recorded["config"]) for arch in ("amd64", "arm64")]
        images[f"127.0.0.1:5000/lk/{name}:v1"] = Index(both)
    return images


FIXED_TIME = 1492533000
FIXED_DIRECTORIES = ("dev", "dev/pts", "dev/shm", "etc", "proc", "sys")
HOSTS = (
    "127.0.0.1       localhost\n::1     localhost ip6-localhost ip6-loopback\nfe00::0 ip6-localnet\n"
    "ff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
)


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of tar-headers.tsv: an entry of LinuxKit's tar."""

    type: str
    mode: str
    uid: str
    gid: str
    user: str
    group: str
    size: str
    mtime: str
    device: str
    path: str
    target: str
    magic: str
    records: str
    digest: str

    @property
    def location(self):
        return self.records.split("'")[1]


def recorded_rows():
    with open(os.path.join(GOLDEN, "tar-headers.tsv"), encoding="utf-8") as stream:
        return [Row(*line.rstrip("\n").split("\t")) for line in stream if not line.startswith("#")]


def row_of(header):
    """What the program that wrote tar-headers.tsv would have written about this entry."""
    records = [f"{key}={header.records[key]!r}" for key in ("LINUXKIT.location", "LINUXKIT.source")]
    records += [f"{key}@pax" if key == "path" else f"{key}={value!r}" for key, value in header.records.items() if not key.startswith("LINUXKIT.")]
    device = f"{header.device[0]},{header.device[1]}"
    magic = repr(header.magic.decode())
    return Row(
        header.type, f"{header.mode:o}", str(header.uid), str(header.gid), header.user or "-", header.group or "-", str(header.size),
        str(header.mtime), device, header.path, header.target or "-", magic, ";".join(records), header.digest,
    )  # fmt: skip


def generated(like, path, content=None, mode="755", **more):
    """A row that Kiln and LinuxKit make themselves, of the part that `like` is of."""
    is_file = content is not None
    size, digest = ("0", "-") if not is_file else (str(len(content)), hashlib.sha256(content.encode()).hexdigest()[:16])
    records = ";".join(like.records.split(";")[:2]) + ("" if path.isascii() and len(path) <= 100 else ";path@pax")
    row = Row("0" if is_file else "5", mode, "0", "0", "-", "-", size, str(FIXED_TIME), "0,0", path, "-", like.magic, records, digest)
    return dataclasses.replace(row, **more)


def prefix_of(row):
    """Where the image of the part is unpacked, or None."""
    if row.location.startswith("init"):
        return ""
    if "/lower/" in row.path or row.path.endswith("/lower"):
        return row.path.split("/lower")[0] + "/lower/"
    if "/rootfs/" in row.path:
        return row.path.split("/rootfs/")[0] + "/rootfs/"
    return None


def is_fixed(row, prefix):
    """Whether the entry is one of those every image's tree ends with."""
    name = row.path[len(prefix) :]
    return row.mtime == str(FIXED_TIME) and name in FIXED_DIRECTORIES


def complete(rows):
    """With the entries that the recording left out but the specification has (spec layout.md §3.3, §8)."""
    out = []
    for row in rows:
        prefix = prefix_of(row)
        out.append(row)
        if not row.location.startswith("init") and prefix and row.path == prefix + "etc" and is_fixed(row, prefix):
            out.append(generated(row, prefix + "etc/hosts", HOSTS, "644"))
            out.append(generated(row, prefix + "etc/mtab", type="2", target="/proc/mounts"))
            if row.location.startswith("volume"):
                out.append(generated(row, prefix + "etc/resolv.conf", mode="644", type="2", target="/run/resolvconf/resolv.conf"))
            else:
                out.append(generated(row, prefix + "etc/resolv.conf", "\n# no resolv.conf configured\n", "644"))
        if row.path == "boot/ucode.cpio":
            out += [module_row(row, entry) for entry in samples.MODULES]
    last = dataclasses.replace(rows[-1], records=rows[-1].records.replace("files[6]", "files[7]"))
    out += [generated(last, path, mode="700") for path in ("usr", "usr/share", "usr/share/ünï")]
    return out + [generated(last, "usr/share/ünï/файл", "utf8\n", "600", size="5", digest=hashlib.sha256(b"utf8\n").hexdigest()[:16])]


def module_row(like, entry):
    """An entry of the kernel's tar: as it is there, with the two records."""
    return generated(
        like, entry.path, entry.content.decode("latin-1") if entry.kind == "file" else None, f"{entry.mode:o}",
        uid=str(entry.uid), mtime=str(entry.mtime), digest=hashlib.sha256(entry.content).hexdigest()[:16] if entry.kind == "file" else "-",
        size=str(len(entry.content)),
    )  # fmt: skip


def content_for(row):
    """The recording has sizes and digests only: bytes of that size, not of that digest."""
    return (f"{row.path} of {row.location} ".encode() * (int(row.size) // 16 + 1))[: int(row.size)]


def entry_for(row, prefix):
    """The entry of a layer that LinuxKit made this row of."""
    kind = {"0": "file", "1": "link", "2": "symlink", "3": "char", "4": "block", "5": "directory"}[row.type]
    name = row.path[len(prefix) :]
    entry = Entry(
        "./" if name == "." else name, kind, int(row.mode, 8), int(row.uid), int(row.gid), int(row.mtime),
        user=row.user.strip("-"), group=row.group.strip("-"), target=row.target.strip("-") if kind in ("link", "symlink") else "",
        device=tuple(map(int, row.device.split(","))), content=content_for(row) if kind == "file" else b"",
    )  # fmt: skip
    if name in ("etc/hosts", "etc/resolv.conf"):  # the image's own, which LinuxKit replaced
        return Entry(name, "file", int(row.mode, 8), content=b"of the image", mtime=1)
    return entry


def layered(entries, count):
    """The entries on `count` layers from the top down; what a higher layer has, the lower ones have too, otherwise."""
    size = -(-len(entries) // count)
    chunks = [entries[i : i + size] for i in range(0, len(entries), size)]
    layers, above = [], []
    for chunk in chunks:
        hidden = [dataclasses.replace(e, mode=0o123, mtime=3) for e in above if e.kind == "directory"]
        layers.append(chunk + hidden)
        above += chunk
    return layers[::-1]


def recorded_images(rows):
    """Images whose files are those of the recording."""
    configs = image_configs()
    by_image = {}
    done = set()
    for row in rows:
        reference = row.records.split("'")[3]
        prefix = prefix_of(row)
        name = reference.split("/")[-1].split(":")[0]
        if prefix is None or not reference.startswith("127.0.0.1") or row.path + "/" == prefix or is_fixed(row, prefix):
            continue
        if row.location.startswith("volume") and "/vola/" not in row.path:
            continue
        if prefix == "" and row.mtime == str(FIXED_TIME) and (row.path, row.location) in done | {("etc/mtab", row.location)}:
            continue
        if prefix == "" and row.mtime == str(FIXED_TIME) and row.location != "init[0]":
            continue
        done.add((row.path, row.location))
        if not row.path.startswith("containers/") or row.path.startswith(prefix):
            by_image.setdefault(name, []).append(entry_for(row, prefix))
    kernel = {row.path: row for row in rows if row.location == "kernel"}
    by_image["kernel"] = [
        file("System.map", "passed over\n"),
        file("kernel", content_for(kernel["boot/kernel"]), uid=7, user="builder"),
        file("intel-ucode.cpio", content_for(kernel["boot/ucode.cpio"])),
        file("kernel.tar", layer.tar(samples.MODULES)),
    ]
    images = {}
    for name, config in configs.items():
        entries = by_image.get(name) or [directory("tmp", 0o1777)]
        layers = layered(entries, config["layers"])
        other = [layers[0] + [file("of-the-other-architecture")], *layers[1:]]
        both = [Image(of_arch, arch, config=config["config"]) for arch, of_arch in (("amd64", other), ("arm64", layers))]
        images[f"127.0.0.1:5000/lk/{name}:v1"] = Index(both)
    return images


def with_blobs(rows, images):
    """The OCI volume's entries: the blobs are those of our images, in the order of the recording."""
    index = images["127.0.0.1:5000/lk/voldata:v1"]
    blobs = []
    for image in index.images:
        manifest = json.loads(image.manifest)
        blobs += [manifest["config"]["digest"], *(entry["digest"] for entry in manifest["layers"]), image.descriptor["digest"]]
    blobs.append(index.descriptor["digest"])
    out, used = [], 0
    for row in rows:
        where = "containers/volumes/voloci/lower/"
        if row.path.startswith(where + "blobs/sha256/") and row.type == "0":
            if used == 0:
                for digest in blobs:
                    data = index.blobs[digest]
                    hexadecimal = digest.split(":")[1]
                    out.append(dataclasses.replace(row, path=where + "blobs/sha256/" + hexadecimal, size=str(len(data)), digest=hexadecimal[:16]))
            used += 1
            continue
        if row.path == where + "index.json":
            text = index_json(index)
            row = dataclasses.replace(row, size=str(len(text)), digest=hashlib.sha256(text.encode()).hexdigest()[:16])
        out.append(row)
    assert used == 7, "the recording has seven blobs"
    return out


def index_json(index):
    """As the recording's: three spaces a level, these keys in this order."""
    entry = {"mediaType": index.media_type, "size": len(index.manifest), "digest": index.descriptor["digest"]}
    entry["annotations"] = {"org.opencontainers.image.ref.name": "127.0.0.1:5000/lk/voldata:v1"}
    return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}, indent=3)


class Golden(case.Case):
    def build(self, yaml, images=None, *options):
        self.store_images(images or golden_images())
        here = self.path("here")
        os.mkdir(here)
        # `source:` is relative to the current directory, and the golden files say what was in it.
        with open(os.path.join(GOLDEN, "files/root/.ssh/authorized_keys"), "rb") as stream:
            self.write("here/id_rsa.pub", stream.read())
        result = self.kiln.build(os.path.join(GOLDEN, yaml), "-f", "tar", *options, arch="arm64", cwd=here)
        self.succeeds(result)
        return os.path.join(self.kiln.out, "os.tar")

    def test_full(self):
        """full.yml: every bundle and every file"""
        tar = self.build("full.yml")
        compared = self.compare(tar, "containers", "containers")
        present = [p for p in tarball.read(tar) if p.endswith(("/config.json", "/runtime.json")) and p.count("/") == 3]
        self.assertEqual(sorted(present), sorted(compared))
        self.checked(f"the {len(compared)} JSON files of the bundles are LinuxKit's, and there are no others")
        files = self.compare(tar, "files", "")
        self.checked(f"so are {', '.join(files)}")

    def test_minimal(self):
        """minimal.yml: the bundles it has in common with full.yml"""
        tar = self.build("minimal.yml")
        nodes = tarball.read(tar)
        for ours, theirs in (
            ("containers/onboot/000-dhcpcd/config.json", "containers/onboot/001-dhcpcd/config.json"),
            ("containers/services/getty/config.json", "containers/services/getty/config.json"),
            ("containers/services/getty/runtime.json", "containers/services/getty/runtime.json"),
        ):
            self.assertIn(ours, nodes)
            self.assertEqual(tarball.content(tar, ours).decode(), golden(theirs).decode(), ours)
        self.assertEqual(tarball.content(tar, "boot/cmdline"), b"console=tty0 console=ttyS0 console=ttyAMA0")
        self.checked("bundles and cmdline of minimal.yml")

    def test_tar(self):
        """full.yml: the tar, entry for entry"""
        recorded = recorded_rows()
        images = recorded_images(recorded)
        tar = self.build("full.yml", images, "--strict")
        entries, zeros = rawtar.read(tar)
        self.assertEqual(zeros, 2)
        rows = [row_of(entry) for entry in entries]
        expected = with_blobs(complete(recorded), images)
        # Contents of images are not LinuxKit's here, so their digests are those of what the images were made with.
        expected = [self.with_our_content(row) for row in expected]
        difference = "\n".join(difflib.unified_diff(list(map(str, expected)), list(map(str, rows)), "LinuxKit", "Kiln", n=1, lineterm=""))
        self.assertEqual(difference, "", f"the tars differ:\n{difference}")
        self.checked(f"{len(rows)} entries in LinuxKit's order: {len(recorded)} as recorded, the others as specified")
        for entry in entries:
            where, _, base = entry.path.rstrip("/").rpartition("/")
            if entry.path.isascii() and len(entry.path) < 80 and not entry.path.startswith("./") and not entry.path.endswith(("/.", "/")):
                self.assertEqual(entry.extended_name, f"{where + '/' if where else ''}PaxHeaders.0/{base}" if entry.path != "." else "PaxHeaders.0")
            self.assertEqual(list(entry.records), sorted(entry.records), entry.path)
        self.checked("every extended header has its name and its records in order")

    def with_our_content(self, row):
        from_image = row.mtime == "1735689600" or row.path in ("boot/kernel", "boot/ucode.cpio") or row.user == "root"
        if row.type != "0" or not from_image or row.path.startswith("./"):
            return row
        return dataclasses.replace(row, digest=hashlib.sha256(self.image_content(row)).hexdigest()[:16])

    @staticmethod
    def image_content(row):
        if row.location.startswith("volume"):  # one image, unpacked twice
            row = dataclasses.replace(row, path=row.path.replace("/volro/", "/vola/"), records=row.records.replace("volume[1]", "volume[0]"))
        return content_for(row)

    def compare(self, tar, directory, prefix):
        compared = []
        for where, _, names in os.walk(os.path.join(GOLDEN, directory)):
            for name in names:
                path = os.path.relpath(os.path.join(where, name), os.path.join(GOLDEN, directory))
                ours = os.path.join(prefix, path)
                self.assertEqual(tarball.content(tar, ours).decode(), golden(os.path.join(directory, path)).decode(), ours)
                compared.append(ours)
        self.assertTrue(compared)
        return sorted(compared)


def golden(path):
    with open(os.path.join(GOLDEN, path), "rb") as stream:
        return stream.read()


if __name__ == "__main__":
    case.main()
