#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/stream.h"
#include "oci/store.h"

namespace kiln::oci {

/// The names that were recorded, each with what it stands for now.
using ImportedImages = std::vector<std::pair<std::string, Descriptor>>;

/// Brings images into the store out of a tar, which may be compressed: an OCI image layout (as skopeo's oci-archive,
/// buildah, containerd and LinuxKit write it) or a Docker archive (as `docker save`, podman and skopeo do). It is read
/// once, as a stream; every blob is verified against its digest before it gets it, every layer of a Docker archive
/// against its diff ID.
///
/// Images get the names that the archive has for them (annotation io.containerd.image.name, or
/// org.opencontainers.image.ref.name if it is a whole reference; RepoTags), in canonical form; `name`, unless it is
/// empty, is the only image's instead. `what` is what errors call the archive. No name is recorded before all blobs are
/// in the store. Throws Error.
ImportedImages import_images(Source& tar, const std::string& what, Store& store, const std::string& name = "");

/// The same from an OCI image layout that is a directory.
ImportedImages import_layout(const std::filesystem::path& directory, Store& store, const std::string& name = "");

/// The only image of such a tar, which is recorded under no name.
Descriptor import_image(Source& tar, const std::string& what, Store& store);

}  // namespace kiln::oci
