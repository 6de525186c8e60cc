#pragma once

#include <vector>

#include "build/resolve.h"

namespace kiln::build {

/// The files of an OCI image layout that holds these images, in the order of LinuxKit's tar (spec layout.md §6); the
/// texts that are not blobs are LinuxKit's to the byte.
std::vector<VolumeFile> oci_layout_files(const oci::ImageSet& images);

}  // namespace kiln::build
