#pragma once

#include <filesystem>
#include <string>

namespace kiln::cli {

/// Where Kiln finds what belongs to it, relative to its own program: PREFIX/bin/kiln, PREFIX/share/kiln,
/// PREFIX/libexec/kiln. A build directory is laid out like an installed prefix, so there is one rule for both.
struct Locations {
  std::filesystem::path prefix;

  /// The shipped recipes: a directory for each package.
  std::filesystem::path recipes() const { return prefix / "share/kiln/pkg"; }
  /// The guest's program for each architecture (Go's name): arm64/kiln-guest.
  std::filesystem::path guests() const { return prefix / "libexec/kiln/guest"; }

  static Locations of_this_program();  ///< throws SysError
};

/// $KILN_CACHE, $LINUXKIT_CACHE, $XDG_CACHE_HOME/kiln or ~/.cache/kiln, the first that is set. Throws Error without
/// HOME.
std::filesystem::path default_cache_directory();

/// $LINUXKIT_CACHE or ~/.linuxkit/cache, as LinuxKit has it. Throws Error without HOME.
std::filesystem::path linuxkit_cache_directory();

/// ~/.moby/linuxkit/config.yml. LinuxKit reads it at its start: a mapping that may have `pkg`, which holds nothing.
/// Throws Error if it is there and anything else; nothing follows from what it says.
void check_settings_file();

}  // namespace kiln::cli
