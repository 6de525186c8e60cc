#include "package/kernel_modules.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "config/diagnostics.h"
#include "package/elf.h"
#include "package/glob.h"

namespace kiln::package {
namespace {

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string_view without_suffixes(std::string_view path) {
  for (const std::string_view suffix : {".xz", ".gz", ".zst"}) {
    if (path.ends_with(suffix)) path.remove_suffix(suffix.size());
  }
  return path;
}

/// Modules by name, and the names modules go by beside their own ("crc32c" for crc32c_generic).
class Names {
 public:
  explicit Names(const std::vector<KernelModule>& modules) {
    for (const KernelModule& module : modules) {
      names_.emplace(module.name, &module);
      for (const std::string& alias : module.aliases) {
        if (!is_glob(alias) && alias.find(':') == std::string::npos) {
          aliases_.emplace(kernel_module_name(alias), &module);
        }
      }
    }
  }
  const KernelModule* find(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : found->second;
  }
  std::vector<const KernelModule*> find_all(const std::string& name) const {
    if (const KernelModule* module = find(name)) return {module};
    std::vector<const KernelModule*> found;
    for (auto [at, end] = aliases_.equal_range(name); at != end; ++at) found.push_back(at->second);
    return found;
  }

 private:
  std::map<std::string, const KernelModule*> names_;
  std::multimap<std::string, const KernelModule*> aliases_;
};

/// The names in "pre: a b post: c".
std::vector<std::string> soft_names(const std::string& line) {
  std::vector<std::string> names;
  for (const std::string& word : split(line, " \t")) {
    if (word.back() != ':') names.push_back(kernel_module_name(word));
  }
  return names;
}

void add_with_dependencies(const Names& names, const KernelModule* module, std::set<const KernelModule*>& chosen) {
  if (!chosen.insert(module).second) return;
  for (const std::string& name : module->depends) {
    const KernelModule* dependency = names.find(name);
    if (dependency == nullptr)
      throw Error{"kernel module ", module->name, " depends on ", quote(name), ", which is not in its package"};
    add_with_dependencies(names, dependency, chosen);
  }
  for (const std::string& line : module->soft_depends) {
    for (const std::string& name : soft_names(line)) {
      for (const KernelModule* soft : names.find_all(name)) add_with_dependencies(names, soft, chosen);
    }
  }
}

/// Appends what a module depends on, nearest first, each once, as depmod orders them: a later place wins, since what
/// stands right is loaded first.
void append_dependencies(const std::map<std::string, const KernelModule*>& names, const KernelModule* module,
                         std::vector<const KernelModule*>& order) {
  for (const std::string& name : module->depends) {
    const auto found = names.find(name);
    if (found == names.end()) continue;
    order.erase(std::remove(order.begin(), order.end(), found->second), order.end());
    order.push_back(found->second);
    append_dependencies(names, found->second, order);
  }
}

}  // namespace

std::string kernel_module_name(std::string_view path) {
  path = without_suffixes(path);
  if (path.ends_with(".ko")) path.remove_suffix(3);
  if (const std::size_t slash = path.rfind('/'); slash != std::string_view::npos) path.remove_prefix(slash + 1);
  std::string name{path};
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

KernelModule read_kernel_module(std::string path, Bytes elf) {
  KernelModule module;
  module.name = kernel_module_name(path);
  const auto section = find_elf_section(elf, ".modinfo");
  if (!section) throw Error{"kernel module ", quote(path), " has no .modinfo section"};
  for (const std::string& field : split(as_text(*section), std::string_view{"\0", 1})) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view key = std::string_view{field}.substr(0, equals);
    const std::string_view value = std::string_view{field}.substr(equals + 1);
    if (key == "depends") {
      for (const std::string& name : split(value, ",")) module.depends.push_back(kernel_module_name(name));
    }
    if (key == "alias") module.aliases.emplace_back(value);
    if (key == "softdep") module.soft_depends.emplace_back(value);
  }
  module.path = std::move(path);
  return module;
}

std::vector<const KernelModule*> select_modules(const std::vector<KernelModule>& modules, std::string_view builtin,
                                                const std::vector<Pattern>& patterns) {
  const Names names{modules};
  std::set<std::string> builtin_names;
  for (const std::string& path : split(builtin, "\n")) builtin_names.insert(kernel_module_name(path));
  std::set<const KernelModule*> chosen;
  config::Diagnostics diagnostics;
  for (const Pattern& pattern : patterns) {
    if (pattern.text.find('/') != std::string::npos) {
      for (const KernelModule& module : modules) {
        if (glob_matches("kernel/" + pattern.text, module.path)) add_with_dependencies(names, &module, chosen);
      }
      continue;
    }
    const bool optional = pattern.text.ends_with('?');
    const std::string name = kernel_module_name(pattern.text.substr(0, pattern.text.size() - (optional ? 1 : 0)));
    if (const KernelModule* module = names.find(name)) {
      add_with_dependencies(names, module, chosen);
    } else if (!optional && !builtin_names.count(name)) {
      diagnostics.error(pattern.where, concat("debian.kernel.modules: this kernel has no module ", quote(pattern.text)),
                        "a '?' after the name lets it be absent");
    }
  }
  diagnostics.throw_if_any();
  if (patterns.empty()) {
    for (const KernelModule& module : modules) chosen.insert(&module);
  }
  std::vector<const KernelModule*> sorted{chosen.begin(), chosen.end()};
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->path < b->path; });
  return sorted;
}

std::string modules_dep(const std::vector<const KernelModule*>& modules) {
  std::map<std::string, const KernelModule*> names;
  for (const KernelModule* module : modules) names.emplace(module->name, module);
  std::string text;
  for (const KernelModule* module : modules) {
    std::vector<const KernelModule*> order;
    append_dependencies(names, module, order);
    text += concat(module->path, ":");
    for (const KernelModule* dependency : order) text += concat(" ", dependency->path);
    text += '\n';
  }
  return text;
}

std::string modules_alias(const std::vector<const KernelModule*>& modules) {
  std::string text;
  for (const KernelModule* module : modules) {
    for (const std::string& alias : module->aliases) text += concat("alias ", alias, " ", module->name, "\n");
  }
  return text;
}

std::string modules_softdep(const std::vector<const KernelModule*>& modules) {
  std::string text;
  for (const KernelModule* module : modules) {
    for (const std::string& line : module->soft_depends) text += concat("softdep ", module->name, " ", line, "\n");
  }
  return text;
}

}  // namespace kiln::package
