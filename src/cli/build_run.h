#pragma once

#include <string>
#include <vector>

namespace kiln::cli {

class Context;

/// What is said after `kiln build`.
struct BuildOptions {
  std::vector<std::string> files;
  std::string name, directory, output, compression, lock_file;
  std::vector<std::string> formats, architectures, platforms;
  bool pull = false;
  bool docker = false;
  bool locked = false;
  bool dry_run = false;
  bool strict = false;
  bool decompress_kernel = false;
  std::string input_tar;
  bool sbom = false, no_sbom = false, sbom_current_time = false;
  std::string sbom_output;
};

/// Builds; the exit status.
int run_build(Context& context, const BuildOptions& options);

}  // namespace kiln::cli
