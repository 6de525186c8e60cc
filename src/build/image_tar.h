#pragma once

#include "base/reporter.h"
#include "base/stream.h"
#include "oci/image.h"

namespace kiln::build {

/// The root tree of one image, its layers merged, as a tar: what a container of it would see, and nothing besides.
/// Each layer is read once from its start; links come last. Throws Error.
void write_image_tar(const oci::Image& image, const oci::Store& store, Reporter& reporter, Sink& out);

}  // namespace kiln::build
