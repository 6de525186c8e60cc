#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "package/deb_file.h"
#include "package/kernel_modules.h"
#include "package/layer.h"
#include "package/recipe.h"

namespace kiln::package {

/// A Debian package with (parts of) a kernel.
struct KernelSource {
  std::filesystem::path deb;
};

/// A kernel as LinuxKit's kernel images have it (spec layout.md §4).
struct KernelFiles {
  LayerFile kernel;       ///< the image as Debian ships it: bzImage, or Image with EFI stub
  LayerFile modules_tar;  ///< kernel.tar: uncompressed, lib/modules/VERSION with modules and the indexes of depmod
  std::string version;
  std::size_t modules = 0;
};

/// Whether a Debian package's file belongs to the kernel: /boot/vmlinuz-*, what is below /usr/lib/modules.
bool is_kernel_file(const DebEntry& entry);

/// Reads kernel and modules from the packages and puts what `recipe` selects into `spool`. `work`: for temporary files.
KernelFiles make_kernel_files(const std::vector<KernelSource>& sources, const KernelRecipe& recipe, Spool& spool,
                              const std::filesystem::path& work);

}  // namespace kiln::package
