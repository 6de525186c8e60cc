#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "modules/index.h"
#include "modules/options.h"
#include "modules/uevent.h"

// The first line names what to look for, the rest is modules.dep, modules.alias and a modprobe.d file at once.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  std::string wanted{text.substr(0, text.find('\n'))};
  guest::DependencyIndex index{text};
  guest::ModuleRecord record;
  (void)index.find(wanted, record);
  (void)guest::match_aliases(text, {wanted});
  guest::ModprobeOptions options;
  options.add(text);
  (void)options.parameters(guest::module_name(wanted));
  (void)guest::added_modalias(text);
  return 0;
}
