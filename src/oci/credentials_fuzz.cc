#include <cstdint>

#include "base/error.h"
#include "oci/base64.h"
#include "oci/credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static const auto kReference = kiln::oci::Reference::parse("h.example/team/app");
  try {
    static_cast<void>(kiln::oci::find_in_credential_file(text, "input", kReference));
  } catch (const kiln::Error&) {
  }
  if (kiln::oci::base64_decode(kiln::oci::base64_encode(text)) != text) __builtin_trap();
  return 0;
}
