#pragma once

#include <string>
#include <vector>

#include "base/errno.h"
#include "base/file.h"
#include "base/log.h"
#include "modules/index.h"
#include "modules/options.h"

namespace guest {

/// Loads kernel modules with their dependencies in this process, from the text files depmod(8) leaves in the modules
/// directory. The kernel decompresses `.xz` and the like itself (MODULE_INIT_COMPRESSED_FILE).
class ModuleLoader {
 public:
  /// `directory` is usually `modules_directory()`.
  ModuleLoader(std::string directory, Log& log);

  /// Whether the directory has a modules.dep at all.
  bool usable() const { return dependencies_.size() > 0; }

  /// Loads the module `name` and what it depends on. Loaded or built-in modules are fine; ENOENT if there is no such
  /// module.
  Errno load(const std::string& name, const std::string& parameters = "");
  /// The modules for device aliases, as modules.alias and modprobe.d have them; blacklisted ones are left out. `wanted`
  /// must be sorted.
  std::vector<std::string> resolve(const std::vector<std::string>& wanted) const;

  /// The files of the module `name`, in the order in which they are to be loaded; none if there is no such module.
  std::vector<std::string> files(const std::string& name) const;

  bool blacklisted(const std::string& name) const { return options_.blacklisted(name); }

  int loaded() const { return loaded_; }

 private:
  Errno insert(std::string_view path, const std::string& parameters);

  std::string directory_;
  Log& log_;
  Mapping dependency_text_;
  Mapping alias_text_;
  DependencyIndex dependencies_{std::string_view{}};
  ModprobeOptions options_;
  int loaded_ = 0;
};

/// /lib/modules/RELEASE of the running kernel.
std::string modules_directory();

}  // namespace guest
