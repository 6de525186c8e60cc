#include <cstdint>
#include <string>

#include "http/url.h"
#include "oci/backoff.h"
#include "oci/blob_receiver.h"
#include "oci/challenge.h"

/// What a registry puts into headers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  for (const kiln::oci::Challenge& challenge : kiln::oci::parse_challenges(text)) {
    if (challenge.scheme.empty()) __builtin_trap();
  }
  const auto range = kiln::oci::parse_content_range(text);
  if (range && range->last < range->first) __builtin_trap();
  static_cast<void>(kiln::oci::parse_retry_after(text.c_str()));
  static_cast<void>(kiln::http::origin_of(text.c_str()));
  return 0;
}
