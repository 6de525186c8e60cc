#pragma once

#include <filesystem>
#include <vector>

#include "base/reporter.h"
#include "base/thread_pool.h"
#include "oci/registry.h"
#include "publish/boot_parts.h"
#include "publish/os_artifact.h"

namespace kiln::publish {

/// What was pushed, and what that took.
struct PushedOs {
  oci::Descriptor descriptor;         ///< what the reference stands for now
  std::vector<OsArtifact> artifacts;  ///< one for each architecture
  std::uint64_t blobs = 0;            ///< of which the registry had some already, or in another repository:
  std::uint64_t sent = 0, sent_bytes = 0;
};

/// Stores operating systems, each of another architecture, as an artifact (several: an index) under the reference.
/// Segments go as they are, without being joined; only what the registry lacks is sent; the manifest under the tag goes
/// last, so that the tag never stands for something incomplete. `scratch` holds kernels that had to be unpacked.
/// `uploads` as for oci::push_image().
PushedOs push_os(const std::vector<BootParts>& systems, const oci::Reference& reference, oci::Registry& registry,
                 ThreadPool& uploads, const std::filesystem::path& scratch, Reporter& reporter);

}  // namespace kiln::publish
