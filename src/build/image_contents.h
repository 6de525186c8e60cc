#pragma once

#include "base/reporter.h"
#include "inventory/spdx.h"
#include "oci/image.h"

namespace kiln::build {

/// What an image's package databases say is in it: dpkg's, also as images without dpkg have it (status.d), and apk's,
/// as they are in its merged tree. RPM's are not read, and a warning says so. `name` is what the image is called.
/// Throws Error for a database that is damaged.
inventory::ImageContents read_contents(const oci::Image& image, const std::string& name, const oci::Store& store,
                                       Reporter& reporter);

}  // namespace kiln::build
