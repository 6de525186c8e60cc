#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "applets/getty_command.h"
#include "boot/cmdline.h"

// No device name may leave /dev, and every console can be given a getty.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  guest::Cmdline cmdline{std::string_view{reinterpret_cast<const char*>(data), size}};
  for (const guest::ConsoleToken& console : cmdline.consoles()) {
    if (console.device.empty() || console.device.find("..") != std::string::npos) std::abort();
    if (guest::getty_command(console, true).arguments.size() < 4) std::abort();
  }
  return 0;
}
