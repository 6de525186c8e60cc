#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "build/build.h"
#include "format/output_set.h"

namespace kiln::format {

/// An output format: turns a build into files. `base` is directory and name, to which each format adds its endings.
/// The caller commits the files, all of them or none; nothing else is left behind.
struct Format {
  const char* name;
  const char* summary;
  void (*write)(build::Build& build, const std::filesystem::path& base, OutputSet& outputs);
};

/// All of them, by name; for --help and --format.
const std::vector<Format>& formats();
/// "docker, kernel+initrd, …"
std::string format_names();
/// Throws Error that names the nearest, and all.
const Format& format_by_name(std::string_view name);

void write_kernel_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs);
void write_tar_kernel_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs);
void write_docker(build::Build& build, const std::filesystem::path& base, OutputSet& outputs);
void write_bzimage_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs);
void write_tar(build::Build& build, const std::filesystem::path& base, OutputSet& outputs);

}  // namespace kiln::format
