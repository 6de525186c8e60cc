#pragma once

#include <string>
#include <vector>

#include "oci/image.h"
#include "oci/manifest.h"
#include "oci/store.h"

namespace kiln::oci::testing_ {

// Small images for the tests of this folder.

struct TestImage {
  Descriptor descriptor;  ///< of the manifest, with platform
  Manifest manifest;
  std::string manifest_json;
  std::string config_json;
  std::vector<std::string> layers;
};

/// An image whose layers have these contents (any bytes: nothing here looks into layers).
TestImage make_image(const std::string& architecture, std::vector<std::string> layers);

/// An index of them.
std::string make_index(const std::vector<TestImage>& images);

/// Puts every blob of the image in the store.
void put_image(Store& store, const TestImage& image);

Descriptor describe(const std::string& content, const std::string& media_type);

}  // namespace kiln::oci::testing_
