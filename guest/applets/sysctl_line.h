#pragma once

#include <string>
#include <string_view>

namespace guest {

/// One setting of a sysctl.d(5) file.
struct SysctlSetting {
  std::string path;  ///< below the root; empty for blank lines and comments
  std::string value;
  bool optional = false;  ///< written `-key = value`: failure is not reported
};

/// Reads `key = value`. Keys are written with dots (`net.ipv4.ip_forward`; a slash then stands for a dot in a name) or,
/// if the first separator is a slash, as a path. `root` is for messages: /proc/sys. Returns an empty string, or what is
/// wrong with the line.
std::string parse_sysctl_line(std::string_view line, const std::string& root, SysctlSetting& setting);

}  // namespace guest
