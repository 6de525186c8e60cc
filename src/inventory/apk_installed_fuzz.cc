#include "base/error.h"
#include "base/stream.h"
#include "inventory/apk_installed.h"
#include "inventory/spdx.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kiln;
  const std::string_view text = as_text(std::as_bytes(std::span{data, size}));
  try {
    inventory::ImageContents contents{"fuzz", std::string(64, '0'), "", inventory::parse_os_release(text), {}};
    contents.packages = inventory::parse_apk_installed(text, "installed");
    (void)inventory::spdx_document(contents);
  } catch (const Error&) {
  }
  return 0;
}
