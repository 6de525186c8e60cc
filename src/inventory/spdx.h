#pragma once

#include <string>
#include <vector>

#include "inventory/installed_package.h"
#include "inventory/os_release.h"

namespace kiln::inventory {

/// What is known of an image's content.
struct ImageContents {
  std::string name;     ///< of the image
  std::string digest;   ///< of its manifest: 64 hexadecimal digits
  std::string created;  ///< "2026-01-02T03:04:05Z"
  OsRelease os;
  std::vector<InstalledPackage> packages;
};

/// An SPDX 2.3 document in JSON: the image, and the packages it contains with their purls. Files are not listed: of
/// those, SPDX wants SHA-1. A function of the contents. Identifiers have the image's digest in them, so that documents
/// of several images can be put together without renaming any (spec layout.md §10).
std::string spdx_document(const ImageContents& contents);

/// The package-url: pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12.
std::string package_url(const InstalledPackage& package, const OsRelease& os);

}  // namespace kiln::inventory
