#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// A module's name as the kernel has it: the file's base name without `.ko*`, with '-' as '_'.
std::string module_name(std::string_view path_or_name);

/// Where a module's file is and what must be loaded before it; views into the text of modules.dep.
struct ModuleRecord {
  std::string_view path;                       ///< relative to the modules directory
  std::vector<std::string_view> dependencies;  ///< paths, in the order to load them
};

/// modules.dep as depmod(8) writes it: `PATH: DEP DEP…` a line, the dependencies nearest first.
/// The index holds views into `text`, which must outlive it.
class DependencyIndex {
 public:
  explicit DependencyIndex(std::string_view text);

  /// The record of the module called `name` (as module_name gives it). False if there is none.
  bool find(std::string_view name, ModuleRecord& record) const;
  std::size_t size() const { return lines_.size(); }

 private:
  struct Line {
    std::uint32_t hash;  ///< of the module's name
    std::uint32_t offset;
  };
  std::string_view text_;
  std::vector<Line> lines_;
};

/// The modules that modules.alias (`alias PATTERN MODULE` lines) and the same lines in `text` of modprobe.d files name
/// for any of `wanted`, each once, in the order found. `wanted` must be sorted. One pass over the text serves every
/// alias, so the twenty thousand lines of a full kernel are read once per scan and nothing is kept.
std::vector<std::string> match_aliases(std::string_view text, const std::vector<std::string>& wanted);

}  // namespace guest
