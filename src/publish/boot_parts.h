#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"

namespace kiln::build {
struct BootSet;
}

namespace kiln::publish {

/// The first `size` bytes of a file.
struct FilePart {
  std::filesystem::path path;
  std::uint64_t size = 0;
  bool is_segment = false;  ///< of the build's cache, which also knows its digest (build/segment_cache.h)
};

/// An operating system as files of this host: what a build, a prefix or a registry has.
struct BootParts {
  std::string architecture;         ///< Go's name; of the kernel where that is known, else of the build
  FilePart kernel;                  ///< in whatever form it came
  std::vector<FilePart> initramfs;  ///< to be concatenated, each padded to 4 bytes
  std::string cmdline;
  std::uint64_t root_size = 0;  ///< bytes of the unpacked root tree; 0: not known
};

/// NAME-kernel, NAME-initrd.img and NAME-cmdline, as `kiln build` wrote them. Throws Error listing what is missing.
BootParts parts_of_prefix(const std::string& name);

/// What a build is made of, unjoined. Throws Error if it has no kernel.
BootParts parts_of_build(const build::BootSet& set);

/// Appends the whole initramfs; returns its size.
std::uint64_t write_initramfs(const BootParts& parts, AtomicFile& out);

/// Writes BASE-kernel, BASE-initrd.img and BASE-cmdline: together, or none.
std::vector<FilePart> write_boot_files(const BootParts& parts, const std::string& base);

}  // namespace kiln::publish
