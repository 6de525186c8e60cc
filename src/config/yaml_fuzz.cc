// Whatever bytes come as a configuration: an Error, or a System that can be described, and whose description is read
// back to the same.
#include <cstdlib>

#include "base/error.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kiln;
  const std::string text{reinterpret_cast<const char*>(data), size};
  config::System system;
  try {
    system = config::load({{"fuzz.yml", text, ""}}, {});
  } catch (const Error&) {
    return 0;
  }
  config::to_json(system);
  const std::string yaml = config::to_yaml(system);
  for (const auto* section : {&system.onboot, &system.onshutdown, &system.services})
    for (const config::Container& container : *section)
      if (container.options.resources) return 0;  // their null members cannot be read back (spec yaml.md, Quirk 7)
  try {
    if (config::to_yaml(config::load({{"again.yml", yaml, ""}}, {})) != yaml) std::abort();
  } catch (const Error& error) {
    std::abort();
  }
  return 0;
}
