// Labels come with images of strangers.
#include "base/error.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kiln;
  try {
    config::parse_label({reinterpret_cast<const char*>(data), size}, "image");
  } catch (const Error&) {
  }
  return 0;
}
