#include <cstdint>

#include "base/error.h"
#include "oci/reference.h"

/// A reference that parses has a canonical form that parses to itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto canonical = kiln::oci::Reference::parse({reinterpret_cast<const char*>(data), size}).canonical();
    if (kiln::oci::Reference::parse(canonical).canonical() != canonical) __builtin_trap();
  } catch (const kiln::Error&) {
  }
  return 0;
}
