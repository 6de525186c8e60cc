#include "base/bytes.h"
#include "base/error.h"
#include "package/recipe.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    (void)kiln::package::parse_recipe({reinterpret_cast<const char*>(data), size}, "build.yml");
  } catch (const kiln::Error&) {
  }
  return 0;
}
