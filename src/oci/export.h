#pragma once

#include <string>

#include "base/stream.h"
#include "oci/image.h"
#include "oci/store.h"

namespace kiln::oci {

// One image of one platform as a tar that other tools load. `name` is what it is called there. The same image gives the
// same bytes. Blobs go out as they are in the store, and are verified on the way. Throws Error.

/// An OCI image layout: for skopeo's oci-archive, containerd, podman, LinuxKit.
void export_oci(const Store& store, const Image& image, const Reference& name, Sink& out);

/// A Docker archive: for `docker load`, podman, skopeo's docker-archive. Layers stay compressed, which all of them
/// take.
void export_docker(const Store& store, const Image& image, const Reference& name, Sink& out);

}  // namespace kiln::oci
