#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "boot/xattrs.h"

// A record that is accepted is fit for lsetxattr: an absolute path and a name without NULs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  guest::XattrRecord record;
  if (guest::parse_xattr_line({reinterpret_cast<const char*>(data), size}, record)) {
    if (record.path.empty() || record.path[0] != '/' || record.name.empty()) std::abort();
    if (record.name.find('\0') != std::string::npos) std::abort();
  }
  return 0;
}
