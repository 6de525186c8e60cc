#include <cstdint>
#include <string>

#include "base/error.h"
#include "package/lock.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text{reinterpret_cast<const char*>(data), size};
  text += '\n';
  text += "checksum: " + kiln::oci::Digest::of(text).to_string() + "\n";
  try {
    const kiln::package::Lock lock = kiln::package::parse_lock(text, "input");
    if (kiln::package::parse_lock(lock.to_text(), "again") != lock) __builtin_trap();
  } catch (const kiln::Error&) {
  }
  return 0;
}
