#include <cstdint>

#include "base/error.h"
#include "oci/manifest.h"

/// Manifests, indexes and configs: whatever parses can be written, and reads back as the same.
template <typename Parse>
static void round_trip(std::string_view text, Parse parse) {
  try {
    const std::string once = to_json(parse(text, "input"));
    if (to_json(parse(once, "output")) != once) __builtin_trap();
  } catch (const kiln::Error&) {
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  round_trip(text, kiln::oci::parse_index);
  round_trip(text, kiln::oci::parse_manifest);
  round_trip(text, kiln::oci::parse_image_config);
  try {
    static_cast<void>(kiln::oci::manifest_media_type(text, "input"));
  } catch (const kiln::Error&) {
  }
  return 0;
}
