#pragma once

#include <string>
#include <vector>

#include "publish/boot_parts.h"

namespace CLI {
class App;
}

namespace kiln::cli {

class Context;

/// Where a verb takes an operating system from: files that `kiln build` wrote, or YAML that is built first.
struct BootSource {
  std::vector<std::string> words;  ///< a prefix, or YAML files
  std::string compression;
  bool pull = false;
};

/// Adds PREFIX|FILE… and the options of a build.
void add_boot_source(CLI::App& command, BootSource& source);

/// The system, of that architecture if it is built (empty: this machine's).
publish::BootParts load_boot_source(Context& context, const BootSource& source, const std::string& architecture);

/// What to call it: the prefix, or what `kiln build` would call it; without directories.
std::string name_of(const BootSource& source);

}  // namespace kiln::cli
