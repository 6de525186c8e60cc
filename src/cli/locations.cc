#include "cli/locations.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "config/diagnostics.h"
#include "config/node.h"

namespace kiln::cli {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::filesystem::path home_directory() {
  const std::string_view home = environment("HOME");
  if (home.empty()) {
    throw Error{"finding the cache directory: HOME is not set"}.with_hint("say where it is with --cache DIR");
  }
  return home;
}

}  // namespace

Locations Locations::of_this_program() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw SysError{error.value(), "finding Kiln's own program in '/proc/self/exe'"};
  return {program.parent_path().parent_path()};
}

std::filesystem::path linuxkit_cache_directory() {
  if (const std::string_view directory = environment("LINUXKIT_CACHE"); !directory.empty()) return directory;
  return home_directory() / ".linuxkit/cache";
}

void check_settings_file() {
  constexpr std::size_t kMost = 1 << 20;
  if (environment("HOME").empty()) return;
  const std::filesystem::path path = home_directory() / ".moby/linuxkit/config.yml";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  const std::string text = read_file(path, kMost);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return;
  config::Diagnostics diagnostics;
  const config::NodePtr root = config::parse_yaml(text, path.native(), diagnostics, {});
  diagnostics.throw_if_any();
  if (root == nullptr || root->kind == config::Node::Kind::null) return;
  const bool is_valid = root->kind == config::Node::Kind::mapping &&
                        std::all_of(root->entries.begin(), root->entries.end(),
                                    [](const auto& entry) { return entry.key->text == "pkg"; });
  if (!is_valid) throw Error{quote(path.native()), ": expected nothing but a mapping `pkg`"};
}

std::filesystem::path default_cache_directory() {
  for (const char* name : {"KILN_CACHE", "LINUXKIT_CACHE"}) {
    if (const std::string_view directory = environment(name); !directory.empty()) return directory;
  }
  // basedir-spec: a relative path in XDG_CACHE_HOME is invalid and ignored.
  if (const std::string_view caches = environment("XDG_CACHE_HOME"); caches.starts_with('/')) {
    return std::filesystem::path{caches} / "kiln";
  }
  return home_directory() / ".cache/kiln";
}

}  // namespace kiln::cli
