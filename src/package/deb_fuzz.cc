#include "base/error.h"
#include "package/apt_sources.h"
#include "package/deb_file.h"
#include "package/debian_archive.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const kiln::Bytes bytes = std::as_bytes(std::span{data, size});
  (void)kiln::package::parse_sources_list(kiln::as_text(bytes));
  (void)kiln::package::parse_deb822_sources(kiln::as_text(bytes));
  try {
    (void)kiln::package::parse_package_stanzas(kiln::as_text(bytes));
  } catch (const kiln::Error&) {
  }
  try {
    (void)kiln::package::list_deb(bytes, "fuzz.deb");
  } catch (const kiln::Error&) {
  }
  return 0;
}
