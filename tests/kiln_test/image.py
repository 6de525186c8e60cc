"""Container images made from layers: blobs, manifests and indexes, as OCI or as Docker schema 2 has them."""

import gzip
import hashlib
import json
import subprocess

from kiln_test import layer

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
OCI_MANIFEST = OCI + "manifest.v1+json"
OCI_INDEX = OCI + "index.v1+json"
DOCKER_MANIFEST = DOCKER + "distribution.manifest.v2+json"
DOCKER_LIST = DOCKER + "distribution.manifest.list.v2+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compress(data, compression):
    if compression == "none":
        return data
    if compression == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if compression == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    raise ValueError(compression)


def _layer_type(compression, docker):
    if docker:
        # Docker's schema 2 has no media type for zstd.
        return DOCKER + "image.rootfs.diff.tar" + {"none": "", "gzip": ".gzip"}[compression]
    return OCI + "layer.v1.tar" + {"none": "", "gzip": "+gzip", "zstd": "+zstd"}[compression]


class Image:
    """An image of one platform: `layers` are tables of entries, or the bytes of a tar."""

    def __init__(self, layers, arch="amd64", compression="gzip", docker=False, config=None, variant=None, os="linux"):
        self.arch, self.os, self.variant, self.docker = arch, os, variant, docker
        self.layers = layers
        compressions = [compression] * len(layers) if isinstance(compression, str) else list(compression)
        tars = [entries if isinstance(entries, bytes) else layer.tar(entries) for entries in layers]
        self.blobs = {}  # digest: bytes
        descriptors = []
        for tar, how in zip(tars, compressions):
            descriptors.append(self._add(compress(tar, how), _layer_type(how, docker)))
        self.layer_digests = [descriptor["digest"] for descriptor in descriptors]
        settings = {
            "architecture": arch,
            "os": os,
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        }
        if variant:
            settings["variant"] = variant
        config_type = DOCKER + "container.image.v1+json" if docker else OCI + "config.v1+json"
        config_descriptor = self._add(json.dumps(settings).encode(), config_type)
        self.config_digest = config_descriptor["digest"]
        self.media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        manifest = {"schemaVersion": 2, "mediaType": self.media_type, "config": config_descriptor, "layers": descriptors}
        self.manifest = json.dumps(manifest).encode()
        self.descriptor = self._add(self.manifest, self.media_type)

    def _add(self, data, media_type):
        digest = digest_of(data)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    @property
    def documents(self):
        """What a registry keeps as manifests rather than as blobs."""
        return {self.descriptor["digest"]: self.media_type}


class Index:
    """A multi-platform image."""

    def __init__(self, images, docker=False, extra=()):
        self.images = list(images)
        self.media_type = DOCKER_LIST if docker else OCI_INDEX
        entries = []
        for image in self.images:
            platform = {"architecture": image.arch, "os": image.os}
            if image.variant:
                platform["variant"] = image.variant
            entries.append({**image.descriptor, "platform": platform})
        text = json.dumps({"schemaVersion": 2, "mediaType": self.media_type, "manifests": entries + list(extra)})
        self.manifest = text.encode()
        self.blobs = {digest_of(self.manifest): self.manifest}
        for image in self.images:
            self.blobs.update(image.blobs)
        self.descriptor = {
            "mediaType": self.media_type,
            "digest": digest_of(self.manifest),
            "size": len(self.manifest),
        }

    @property
    def documents(self):
        found = {self.descriptor["digest"]: self.media_type}
        for image in self.images:
            found.update(image.documents)
        return found


class Attested(Index):
    """An image with its attestation: SPDX documents in statements of in-toto, as BuildKit makes them."""

    def __init__(self, image, documents):
        attestation = Image([], "unknown", os="unknown")
        descriptors = []
        for document in documents:
            statement = {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "predicate": document}
            data = json.dumps(statement).encode()
            attestation.blobs[digest_of(data)] = data
            descriptors.append({
                "mediaType": "application/vnd.in-toto+json", "digest": digest_of(data), "size": len(data),
                "annotations": {"in-toto.io/predicate-type": "https://spdx.dev/Document"},
            })  # fmt: skip
        manifest = json.loads(attestation.manifest)
        manifest["layers"] = descriptors
        data = json.dumps(manifest).encode()
        attestation.blobs[digest_of(data)] = data
        self.attestation = {
            "mediaType": OCI_MANIFEST, "digest": digest_of(data), "size": len(data),
            "platform": {"architecture": "unknown", "os": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.descriptor["digest"]},
        }  # fmt: skip
        super().__init__([image], extra=[self.attestation])
        self.blobs.update(attestation.blobs)

    @property
    def documents(self):
        return {**super().documents, self.attestation["digest"]: OCI_MANIFEST}
