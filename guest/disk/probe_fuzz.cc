#include "disk/probe.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// Whatever a disk begins with: labels are fit for messages, and a UUID comes with a type.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  guest::Content content = guest::probe_content({reinterpret_cast<const char*>(data), size});
  if (content.label.find('\0') != std::string::npos) std::abort();
  if (content.type.empty() && !(content.label + content.uuid).empty()) std::abort();
  if (content.random && !content.type.empty()) std::abort();
  return 0;
}
