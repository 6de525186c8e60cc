#pragma once

#include "base/reporter.h"
#include "base/thread_pool.h"
#include "oci/registry.h"
#include "oci/store.h"
#include "publish/boot_parts.h"
#include "publish/os_artifact.h"

namespace kiln::publish {

/// What a registry has under a reference, before any of its blobs is fetched.
struct RemoteOs {
  OsArtifact artifact;
  std::string cmdline;
};

/// Asks the registry for the operating system of that architecture (empty: the only one there is) and its cmdline.
/// Throws Error: "'REF': it has amd64 only, not arm64".
RemoteOs find_os(const oci::Reference& reference, const std::string& architecture, oci::Registry& registry);

/// Brings it into the store, under the reference: each blob verified, only those that are missing. The files of what is
/// returned are blobs of the store. If the registry cannot be reached but the store has it, that is taken, with a
/// warning. Threads as for oci::pull_image().
BootParts pull_os(const oci::Reference& reference, const std::string& architecture, oci::Store& store,
                  oci::Registry& registry, ThreadPool& downloads, Reporter& reporter);

/// The same from the store alone; nothing if it is not there, or not whole.
std::optional<BootParts> find_os(const oci::Reference& reference, const std::string& architecture,
                                 const oci::Store& store);

}  // namespace kiln::publish
