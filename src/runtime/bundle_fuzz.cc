// A label, as an image of a stranger has it, up to the files of the bundle.
#include "base/error.h"
#include "config/load.h"
#include "runtime/bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kiln;
  try {
    const config::ContainerOptions label = config::parse_label({reinterpret_cast<const char*>(data), size}, "image");
    const config::ContainerOptions options = runtime::effective_options({}, label);
    runtime::runtime_json(options, "containers/services/a", "containers/services/a/lower");
    runtime::config_json(options, {}, {{"a", 100}});
  } catch (const Error&) {
  }
  return 0;
}
