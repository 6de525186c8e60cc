#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "oci/registry.h"
#include "oci/testing.h"

namespace kiln::oci::testing_ {

/// A registry in memory that also records what was asked of it.
class FakeRegistry final : public Registry {
 public:
  std::map<std::string, std::string> manifests;  ///< by canonical reference
  std::map<std::string, std::string> blobs;      ///< by digest
  /// Instead of writing the bytes from the offset, if set.
  std::function<void(const Descriptor&, std::uint64_t offset, Sink&)> on_blob;
  Guarded<std::vector<std::string>> asked;  ///< "blob sha256:… from 7", "manifest NAME", …

  void add_manifest(const std::string& name, const std::string& content);  ///< under the tag and the digest
  void add_image(const std::string& name, const TestImage& image);
  std::vector<std::string> requests() { return *asked.lock(); }

  std::optional<Document> manifest(const Reference& reference) override;
  std::optional<Descriptor> manifest_descriptor(const Reference& reference) override;
  void blob(const Reference& repository, const Descriptor& blob, std::uint64_t offset, Sink& sink) override;
  Pushed push_blob(const Reference& repository, const Descriptor& blob, int file,
                   const std::optional<Reference>& mount_from) override;
  void push_manifest(const Reference& reference, const std::string& content, const std::string& media_type) override;

 private:
  std::mutex pushing_;  ///< pulls only read, while nothing is pushed
};

}  // namespace kiln::oci::testing_
