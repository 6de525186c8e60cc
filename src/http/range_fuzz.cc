#include <cstdlib>

#include "http/http_date.h"
#include "http/range.h"

/// Every range that is given out is within the file, and none is empty.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view header{reinterpret_cast<const char*>(data), size};
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, ~std::uint64_t{0}}) {
    const auto ranges = kiln::http::parse_ranges(header, length);
    if (!ranges) continue;
    for (const kiln::http::Range& range : *ranges) {
      if (range.size == 0 || range.first >= length || range.size > length - range.first) std::abort();
    }
  }
  if (const auto date = kiln::http::parse_date(header)) {
    if (kiln::http::parse_date(kiln::http::format_date(*date)) != date) std::abort();
  }
  return 0;
}
