#include "oci/fake_registry.h"

#include "oci/manifest.h"

namespace kiln::oci::testing_ {

void FakeRegistry::add_manifest(const std::string& name, const std::string& content) {
  const Reference reference = Reference::parse(name);
  manifests[reference.canonical()] = content;
  manifests[reference.locator() + "@" + Digest::of(content).to_string()] = content;
}

void FakeRegistry::add_image(const std::string& name, const TestImage& image) {
  for (const std::string& layer : image.layers) blobs[Digest::of(layer).to_string()] = layer;
  blobs[image.manifest.config.digest.to_string()] = image.config_json;
  add_manifest(name, image.manifest_json);
}

std::optional<Document> FakeRegistry::manifest(const Reference& reference) {
  asked.lock()->push_back("manifest " + reference.canonical());
  const auto found = manifests.find(reference.canonical());
  if (found == manifests.end()) return std::nullopt;
  return Document{describe(found->second, manifest_media_type(found->second, "manifest")), found->second};
}

std::optional<Descriptor> FakeRegistry::manifest_descriptor(const Reference& reference) {
  asked.lock()->push_back("head " + reference.canonical());
  const auto found = manifests.find(reference.canonical());
  if (found == manifests.end()) return std::nullopt;
  return describe(found->second, manifest_media_type(found->second, "manifest"));
}

void FakeRegistry::blob(const Reference&, const Descriptor& blob, std::uint64_t offset, Sink& sink) {
  asked.lock()->push_back(concat("blob ", blob.digest.to_string(), " from ", offset));
  if (on_blob && blob.media_type == media_type::kLayerTar) return on_blob(blob, offset, sink);
  sink.write(as_bytes(std::string_view{blobs.at(blob.digest.to_string())}.substr(offset)));
}

Pushed FakeRegistry::push_blob(const Reference&, const Descriptor& blob, int file,
                               const std::optional<Reference>& from) {
  FdSource source{file, "blob"};
  asked.lock()->push_back(concat("push ", blob.digest.to_string(), from ? " mounting " + from->repository() : ""));
  std::string content = read_text(source, 1 << 20, "blob");
  const std::lock_guard lock{pushing_};
  blobs[blob.digest.to_string()] = std::move(content);
  return Pushed::uploaded;
}

void FakeRegistry::push_manifest(const Reference& reference, const std::string& content, const std::string&) {
  asked.lock()->push_back("push " + reference.canonical());
  const std::lock_guard lock{pushing_};
  manifests[reference.canonical()] = content;
}

}  // namespace kiln::oci::testing_
