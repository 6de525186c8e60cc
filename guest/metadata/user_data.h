#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// A file or directory that JSON user data asks for, below /run/config.
struct PlannedEntry {
  std::string path;  ///< relative; no part of it is empty, "." or ".."
  bool directory = false;
  mode_t mode = 0;
  std::string content;
  friend bool operator==(const PlannedEntry&, const PlannedEntry&) = default;
};

/// Reads LinuxKit's form of user data: an object of NAME -> {"perm"?: "0644", "content": TEXT} or {"perm"?: "0755",
/// "entries": {…}}. Parents precede what is in them. What is wrong with an entry goes to `problems`, and the entry is
/// left out with all below it. False if `text` is not a JSON object at all, which is fine.
bool plan_user_data(std::string_view text, std::vector<PlannedEntry>& entries, std::vector<std::string>& problems);

}  // namespace guest
