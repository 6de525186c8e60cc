#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "metadata/user_data.h"

// Whatever the user data, no path leads out of the directory, and no mode has more than the permission bits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<guest::PlannedEntry> entries;
  std::vector<std::string> problems;
  guest::plan_user_data({reinterpret_cast<const char*>(data), size}, entries, problems);
  for (const guest::PlannedEntry& entry : entries) {
    std::string path = "/" + entry.path + "/";
    for (const char* bad : {"/../", "/./", "//"}) {
      if (path.find(bad) != std::string::npos) std::abort();
    }
    if (path.find('\0') != std::string::npos || entry.mode > 0777) std::abort();
  }
  return 0;
}
