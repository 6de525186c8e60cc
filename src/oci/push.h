#pragma once

#include <string_view>
#include <vector>

#include "base/reporter.h"
#include "base/thread_pool.h"
#include "oci/registry.h"
#include "oci/store.h"

namespace kiln::oci {

struct PushOptions {
  /// Of an index, only these platforms; the index that is pushed lists no others. Empty: all it lists, and it is an
  /// error if the store does not have one of them.
  std::vector<Platform> platforms;

  // LinuxKit's way with packages (spec pkg.md §8), which are built for one platform here and for another there.
  bool merge = false;        ///< what the store has goes into the registry's index, which keeps its other platforms
  bool arch_tags = false;    ///< each image that the store has whole is also tagged TAG-ARCH
  bool override_tag = true;  ///< false: a tag that is there already is left alone, and so is all else
};

/// A tag with another ending: "host/app:1" and "-arm64" give host/app:1-arm64; without a tag it is `latest`.
Reference with_tag_suffix(const Reference& reference, std::string_view suffix);

/// Pushes what the store has under `name` (an image or an index with its images) as `target`, and returns the
/// descriptor it has there. Blobs go first, the manifest or index under the tag last, so that the tag never stands for
/// something incomplete. Blobs of another repository of the same registry are mounted, not sent.
/// Threads and errors are as for pull_image(): "pushing 'NAME': layer 2 of 5 (sha256:…): …".
Descriptor push_image(const Store& store, const Reference& name, const Reference& target, Registry& registry,
                      ThreadPool& uploads, Reporter& reporter, const PushOptions& options = {});

}  // namespace kiln::oci
