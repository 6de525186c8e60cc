#pragma once

#include <string>
#include <string_view>

#include "oci/descriptor.h"
#include "oci/store.h"
#include "package/compose.h"

namespace kiln::package {

/// What an image is made of, as an SPDX 2.3 document in JSON: the Debian packages of which it has something, and their
/// files with SHA-1 (SPDX wants it) and SHA-256. From dpkg's own data; the same for the same content. `name`: of the
/// document; `suite`: Debian's, for the packages' purls.
std::string spdx_document(const Composition& composition, std::string_view name, std::string_view suite);

/// Stores the document as LinuxKit and BuildKit do (spec layout.md §10): in an in-toto statement about `image`, which
/// is the layer of an attestation manifest. Returns the manifest's descriptor, ready for the image's index.
oci::Descriptor store_attestation(const std::string& spdx, std::string_view name, const oci::Descriptor& image,
                                  oci::Store& store);

}  // namespace kiln::package
