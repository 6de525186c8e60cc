#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "package/dockerfile/dockerfile.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  try {
    const auto file = kiln::package::parse_dockerfile(text, "Dockerfile", {{"GIVEN", "value"}}, {"linux", "arm64", ""},
                                                      {"linux", "amd64", ""});
    // The places are inside the text and in order, or this would throw std::out_of_range.
    std::vector<std::string> names;
    for (const auto& use : file.images) names.emplace_back(file.text.substr(use.offset, use.length));
    if (file.with_names(names) != text) std::abort();
  } catch (const kiln::Error&) {
  }
  return 0;
}
