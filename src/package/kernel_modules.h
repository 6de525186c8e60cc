#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "package/recipe.h"

namespace kiln::package {

/// A kernel module, as its own `.modinfo` section describes it (modinfo(8)).
struct KernelModule {
  std::string path;                       ///< below /lib/modules/VERSION: kernel/drivers/net/virtio_net.ko
  std::string name;                       ///< as the kernel has it, with '_': virtio_net
  std::vector<std::string> depends;       ///< names of modules
  std::vector<std::string> aliases;       ///< patterns: pci:v00001AF4d*…
  std::vector<std::string> soft_depends;  ///< lines "pre: a b post: c"
};

/// `path` may end in .ko.xz; `elf` is the module, uncompressed. Throws Error if it is no module.
KernelModule read_kernel_module(std::string path, Bytes elf);

/// A module's name out of its path or another spelling: "kernel/x/virtio-net.ko.xz" -> "virtio_net".
std::string kernel_module_name(std::string_view path);

/// The modules wanted and all they depend on (also softly, as far as they exist), sorted by path. A pattern is the name
/// of a module; or, with a slash, a glob for paths below kernel/ ("drivers/net/ethernet/**"). A name must be a module
/// or be built in (`builtin`: modules.builtin), unless it ends in '?'. Throws Error with the positions of all that are
/// not.
std::vector<const KernelModule*> select_modules(const std::vector<KernelModule>& modules, std::string_view builtin,
                                                const std::vector<Pattern>& patterns);

// The indexes of depmod(8), in their text form, for a selection; modules.dep's dependencies are nearest first, so that
// they are loaded from right to left. Made here and not by depmod, so that they do not depend on the host's version.
std::string modules_dep(const std::vector<const KernelModule*>& modules);
std::string modules_alias(const std::vector<const KernelModule*>& modules);
std::string modules_softdep(const std::vector<const KernelModule*>& modules);

}  // namespace kiln::package
