#include "base/error.h"
#include "package/elf.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const kiln::Bytes file = std::as_bytes(std::span{data, size});
  try {
    (void)kiln::package::read_elf_linkage(file);
  } catch (const kiln::Error&) {
  }
  try {
    (void)kiln::package::find_elf_section(file, ".modinfo");
  } catch (const kiln::Error&) {
  }
  return 0;
}
