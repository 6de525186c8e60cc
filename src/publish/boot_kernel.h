#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "archive/kernel_file.h"

namespace kiln::publish {

/// A kernel in the form that iPXE on a machine of its architecture starts.
struct BootKernel {
  std::filesystem::path path;
  std::uint64_t size = 0;
  std::string architecture;  ///< Go's name
  bool unpacked = false;     ///< `path` was written; else it is the file that was given
};

/// A file whose inside is in that form: for ARM64 and RISC-V the raw Image with its EFI stub, whether it came raw,
/// compressed with gzip, or inside an EFI zboot image (which iPXE may start too, but boot loaders and U-Boot may not);
/// for x86 the bzImage. Throws Error for any other form: it names the form, why iPXE does not start it, and what to do.
archive::KernelFile open_boot_kernel(const std::filesystem::path& kernel);

/// Brings it into that form: one that must be unwrapped becomes `directory`/kernel.
BootKernel make_boot_kernel(const std::filesystem::path& kernel, const std::filesystem::path& directory);

}  // namespace kiln::publish
