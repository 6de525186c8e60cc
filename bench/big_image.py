"""big_image.py STORE MEGABYTES: an image of a given size, written straight into a store (which is an OCI image layout)."""

import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tarfile

FILE = 2_000_000  # bytes of most files; every hundredth is a hundred times as large


class _Content:
    """Bytes that compress two to one and never repeat, made as they are read."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.rest = b""

    def read(self, size):
        while len(self.rest) < size:
            self.rest += self.random.randbytes(65536) + bytes(65536)
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken


def _put(store, content, media_type):
    digest = hashlib.sha256(content).hexdigest()
    (store / "blobs/sha256" / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}


def write(store, megabytes):
    store = pathlib.Path(store)
    (store / "blobs/sha256").mkdir(parents=True)
    layer = store / "layer.tmp"
    with open(layer, "wb") as out:
        compressor = subprocess.Popen(["zstd", "-1", "-T2", "-q", "-c"], stdin=subprocess.PIPE, stdout=out)
        with tarfile.open(fileobj=compressor.stdin, mode="w|") as tar:
            left, number = megabytes * 1_000_000, 0
            while left > 0:
                number += 1
                size = min(left, FILE * (100 if number % 100 == 0 else 1))
                info = tarfile.TarInfo(f"data/{number:06}")
                info.size = size
                tar.addfile(info, _Content(number))
                left -= size
        compressor.stdin.close()
        compressor.wait()
    digest = subprocess.run(["sha256sum", str(layer)], check=True, capture_output=True, text=True).stdout.split()[0]
    size = layer.stat().st_size
    layer.rename(store / "blobs/sha256" / digest)
    config = _put(store, json.dumps({"architecture": "arm64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode(), "application/vnd.oci.image.config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", "digest": "sha256:" + digest, "size": size}]}
    descriptor = _put(store, json.dumps(manifest).encode(), manifest["mediaType"])
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": "localhost/big:1"}
    (store / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    (store / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
