#pragma once

#include <string>
#include <vector>

namespace guest {

/// Mount options in the words of mount(8), as mount(2) wants them.
struct MountOptions {
  unsigned long flags = 0;        ///< MS_… flags
  unsigned long propagation = 0;  ///< MS_SHARED and the like; they need a mount(2) of their own
  std::string data;               ///< everything else, joined by commas
  friend bool operator==(const MountOptions&, const MountOptions&) = default;
};

/// Sorts options into flags and data (guest.md §3.1). Later words win over earlier ones.
MountOptions parse_mount_options(const std::vector<std::string>& options);

/// The value of `key=` in a comma-separated mount data string, e.g. "upperdir"; empty if absent.
std::string mount_data_value(const std::string& data, const std::string& key);

}  // namespace guest
