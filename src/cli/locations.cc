#include "cli/locations.h"

#include <cstdlib>

#include "base/error.h"

namespace kiln::cli {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

Locations Locations::of_this_program() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw SysError{error.value(), "finding Kiln's own program in '/proc/self/exe'"};
  return {program.parent_path().parent_path()};
}

std::filesystem::path default_cache_directory() {
  for (const char* name : {"KILN_CACHE", "LINUXKIT_CACHE"}) {
    if (const std::string_view directory = environment(name); !directory.empty()) return directory;
  }
  // basedir-spec: a relative path in XDG_CACHE_HOME is invalid and ignored.
  if (const std::string_view caches = environment("XDG_CACHE_HOME"); caches.starts_with('/')) {
    return std::filesystem::path{caches} / "kiln";
  }
  const std::string_view home = environment("HOME");
  if (home.empty()) {
    throw Error{"finding the cache directory: HOME is not set"}.with_hint("say where it is with --cache DIR");
  }
  return std::filesystem::path{home} / ".cache/kiln";
}

}  // namespace kiln::cli
