#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// What the files of /etc/modprobe.d say (modprobe.d(5)): `options`, `blacklist` and `alias` lines. `install`, `remove`
/// and `softdep` are not supported; their lines are counted, so that the reader can be told.
struct ModprobeOptions {
  struct Option {
    std::string module;
    std::string parameters;
  };
  std::vector<Option> options;
  std::vector<std::string> blacklist;
  std::string aliases;  ///< the `alias` lines, as match_aliases wants them
  int unsupported = 0;

  void add(std::string_view text);
  bool blacklisted(std::string_view module) const;
  /// All parameters for a module, joined by blanks.
  std::string parameters(std::string_view module) const;
};

}  // namespace guest
