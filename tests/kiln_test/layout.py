"""OCI image layouts on disk, which is what Kiln's store is: written and checked without Kiln."""

import hashlib
import json
import os

REF_NAME = "org.opencontainers.image.ref.name"


class Layout:
    def __init__(self, directory):
        self.directory = str(directory)

    def path(self, digest):
        return os.path.join(self.directory, "blobs", *digest.split(":"))

    def index(self):
        try:
            with open(os.path.join(self.directory, "index.json"), encoding="utf-8") as stream:
                return json.load(stream)
        except FileNotFoundError:
            return {"schemaVersion": 2, "manifests": []}

    def add(self, name, image):
        """Stores an image.Image or image.Index under `name`, replacing an older one."""
        os.makedirs(os.path.join(self.directory, "blobs", "sha256"), exist_ok=True)
        with open(os.path.join(self.directory, "oci-layout"), "w", encoding="utf-8") as stream:
            stream.write('{"imageLayoutVersion": "1.0.0"}')
        for digest, data in image.blobs.items():
            with open(self.path(digest), "wb") as stream:
                stream.write(data)
        index = self.index()
        entries = [entry for entry in index["manifests"] if entry.get("annotations", {}).get(REF_NAME) != name]
        index["manifests"] = entries + [{**image.descriptor, "annotations": {REF_NAME: name}}]
        with open(os.path.join(self.directory, "index.json"), "w", encoding="utf-8") as stream:
            json.dump(index, stream)

    def names(self):
        return {entry["annotations"][REF_NAME]: entry for entry in self.index()["manifests"] if entry.get("annotations")}

    def blobs(self):
        directory = os.path.join(self.directory, "blobs", "sha256")
        return sorted(name for name in os.listdir(directory) if not name.startswith(".")) if os.path.isdir(directory) else []

    def problems(self):
        """Every blob whose content is not what its name says, and every name whose blobs are missing."""
        found = []
        for name in self.blobs():
            with open(self.path("sha256:" + name), "rb") as stream:
                got = hashlib.file_digest(stream, "sha256").hexdigest()
            if got != name:
                found.append(f"blob {name} has the digest {got}")
        for name, entry in self.names().items():
            found += [f"{name}: {problem}" for problem in self._missing(entry)]
        return found

    def _missing(self, descriptor):
        if not os.path.exists(self.path(descriptor["digest"])):
            return [f"{descriptor['digest']} is missing"]
        if "manifest" not in descriptor["mediaType"] and "index" not in descriptor["mediaType"]:
            return []
        with open(self.path(descriptor["digest"]), encoding="utf-8") as stream:
            document = json.load(stream)
        if "manifests" in document:  # of an index, any of the platforms may be absent
            present = [entry for entry in document["manifests"] if os.path.exists(self.path(entry["digest"]))]
            return [problem for entry in present for problem in self._missing(entry)]
        parts = [document["config"], *document["layers"]]
        return [problem for part in parts for problem in self._missing(part)]
