#pragma once

#include <string>
#include <vector>

#include "build/build.h"
#include "config/load.h"
#include "oci/descriptor.h"

namespace kiln::cli {

class Context;

/// A system to be built for the sake of what it boots from.
struct SystemSource {
  std::vector<std::string> files;  ///< YAML files, merged in this order; "-" is standard input; or URLs
  oci::Platform platform;
  std::string compression;  ///< as `kiln build --compression`; may be empty
  bool pull = false;
};

/// Builds it into the caches of the store, which have the files that the result names; no output is written.
build::BootSet build_boot_set(Context& context, const SystemSource& source);

/// Whether the word on a command line names a YAML file (or standard input) and not something that was built.
bool is_yaml(const std::string& word);

}  // namespace kiln::cli
