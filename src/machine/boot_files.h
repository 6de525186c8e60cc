#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/kernel_form.h"

namespace kiln::machine {

/// What `kiln build` wrote under a name, found again.
struct BootFiles {
  std::filesystem::path kernel;  ///< NAME-kernel
  std::filesystem::path initrd;  ///< NAME-initrd.img, or NAME-squashfs.img
  std::string cmdline;           ///< content of NAME-cmdline
};

/// Throws Error that lists what was looked for. `second` is what there is beside the kernel.
BootFiles find_boot_files(const std::string& name, std::string_view second = "-initrd.img");

/// Recognises a kernel file, looking into a gzip stream: `form` is that of the file, `architecture` that of the kernel.
KernelInfo inspect_kernel(const std::filesystem::path& kernel);

/// A kernel in a form QEMU can start directly: the file itself, or what is inside an EFI zboot image, unpacked to
/// `directory`/kernel (QEMU unpacks gzip by itself, zboot only from release 8 on and zstd not at all).
std::filesystem::path bootable_kernel(const std::filesystem::path& kernel, const KernelInfo& info,
                                      const std::filesystem::path& directory);

}  // namespace kiln::machine
