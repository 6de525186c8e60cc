#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/reporter.h"
#include "oci/registry.h"

namespace kiln::oci {

/// What became of a tag.
struct Tagged {
  Descriptor descriptor;
  bool changed = false;  ///< false: it was that already
};

/// Gives what a registry has as `from` the name `to`, which another repository or registry may have: then it is copied,
/// every platform of it, by way of files in `work`. Throws Error if there is no `from`.
Tagged retag(const Reference& from, const Reference& to, Registry& registry, Reporter& reporter,
             const std::filesystem::path& work);

/// Makes the index of a name anew from what the registry has as NAME-ARCH for the architectures, keeping platforms that
/// only the old index has (spec pkg.md §8). Those that are missing are warned of; all missing is an Error.
Tagged rebuild_index(const Reference& name, const std::vector<std::string>& architectures, Registry& registry,
                     Reporter& reporter);

}  // namespace kiln::oci
