#include <cstdint>

#include "base/error.h"
#include "oci/endpoints.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static const auto kReference = kiln::oci::Reference::parse("h.example/team/app:1");
  try {
    const kiln::oci::EndpointTable table{{}, kiln::oci::parse_registries_conf(text, "input")};
    if (table.for_reading(kReference).empty()) __builtin_trap();
  } catch (const kiln::Error&) {
  }
  return 0;
}
