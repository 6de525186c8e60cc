#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/options_check.h"
#include "config/system.h"

namespace kiln::config {

/// Turns what follows `@pkg:` or `@kiln:` into an image reference, building the package if need be. Gets the directory
/// of the YAML. Throws Error; the position is added by the caller.
using PackageResolver =
    std::function<std::string(std::string_view scheme, std::string_view rest, std::string_view directory)>;

/// One input: its text, and the name errors use (a path, "-" or a URL). `directory` is where `@pkg:` paths start.
struct Input {
  std::string name, text, directory;
};

/// Parses, validates and merges (spec yaml.md §8). Throws Error with every mistake of all inputs, each with
/// file:line:column and, for unknown keys, the nearest valid one. `check`: what else is a mistake.
System load(const std::vector<Input>& inputs, const PackageResolver& resolve_package, const OptionsCheck& check = {});

/// Reads one configuration back that to_yaml() or to_json() has written, here or in LinuxKit, whose JSON has null for
/// empty sections. Throws Error.
System load_shown(const Input& input);

/// The value of an `org.mobyproject.config` label (yaml.md §5.7); `image` names it in errors.
ContainerOptions parse_label(const std::string& json, const std::string& image);

/// The two ways LinuxKit writes a configuration as YAML (yaml.md §12.2): for `metadata: yaml` with two spaces, lists at
/// the column of their key and long texts folded; for --dry-run with four spaces (the caller adds the blank line).
enum class YamlStyle { metadata, dry_run };

/// `metadata: yaml|json` and --dry-run.
std::string to_yaml(const System& system, YamlStyle style = YamlStyle::metadata);
std::string to_json(const System& system);

}  // namespace kiln::config
