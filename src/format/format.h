#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "build/build.h"

namespace kiln::format {

/// A file a format has written, and that appears under its name when it is committed: a build that fails halfway must
/// not leave a new kernel beside an old initramfs.
struct Output {
  AtomicFile file;
  std::uint64_t size = 0;
};

/// An output format: turns a build into files. `base` is directory and name, to which each format adds its endings.
/// The caller commits the files, all of them or none; nothing else is left behind.
struct Format {
  const char* name;
  const char* summary;
  std::vector<Output> (*write)(build::Build& build, const std::filesystem::path& base);
};

/// All of them, by name; for --help and --format.
const std::vector<Format>& formats();
/// Throws Error that names the nearest, and all.
const Format& format_by_name(std::string_view name);

std::vector<Output> write_kernel_initrd(build::Build& build, const std::filesystem::path& base);
std::vector<Output> write_tar(build::Build& build, const std::filesystem::path& base);

}  // namespace kiln::format
