#include <string_view>

#include "base/error.h"
#include "machine/packet/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  try {
    const kiln::machine::packet::Device device = kiln::machine::packet::read_device(text);
    // It goes into URLs and to ssh.
    if (device.id.empty() || device.id.find_first_of("/?#@ \n") != std::string::npos) __builtin_trap();
  } catch (const kiln::Error&) {
  }
  kiln::machine::packet::read_error(text);
  return 0;
}
