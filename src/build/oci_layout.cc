#include "build/oci_layout.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "oci/json.h"

namespace kiln::build {
namespace {

constexpr std::string_view kLayoutVersion = "{\n\t\t\"imageLayoutVersion\": \"1.0.0\"\n\t}";
constexpr int kIndent = 3;

std::string index_json(const oci::ImageSet& images) {
  nlohmann::ordered_json entry;
  entry["mediaType"] = images.root.media_type;
  entry["size"] = images.root.size;
  entry["digest"] = images.root.digest.to_string();
  entry["annotations"] = {{oci::annotation::kRefName, images.reference.canonical()}};
  nlohmann::ordered_json index;
  index["schemaVersion"] = 2;
  index["mediaType"] = oci::media_type::kIndex;
  index["manifests"] = nlohmann::ordered_json::array({entry});
  return oci::dump_json(index, kIndent);
}

}  // namespace

std::vector<VolumeFile> oci_layout_files(const oci::ImageSet& images) {
  std::vector<VolumeFile> files{
      {"oci-layout", std::string{kLayoutVersion}, {}}, {"blobs/", {}, {}}, {"blobs/sha256/", {}, {}}};
  std::set<oci::Digest> seen;
  const auto add = [&](const oci::Descriptor& blob) {
    if (seen.insert(blob.digest).second) files.push_back({concat("blobs/sha256/", blob.digest.hex()), {}, blob});
  };
  for (const oci::ImageSet::Member& member : images.members) {
    add(member.manifest.config);
    for (const oci::Descriptor& layer : member.manifest.layers) add(layer);
    add(member.descriptor);
  }
  add(images.root);
  files.push_back({"index.json", index_json(images), {}});
  return files;
}

}  // namespace kiln::build
