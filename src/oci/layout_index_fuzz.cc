#include <cstdint>

#include "base/error.h"
#include "oci/layout_index.h"

/// index.json: a name that was set is found, also after writing and reading, and one that was removed is not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using kiln::oci::LayoutIndex;
  constexpr char kName[] = "h.example/a:1";
  try {
    LayoutIndex index{{reinterpret_cast<const char*>(data), size}, "input"};
    kiln::oci::Descriptor descriptor;
    descriptor.digest = kiln::oci::Digest::of("x");
    index.set(kName, descriptor);
    LayoutIndex again{index.to_json(), "output"};
    if (again.find(kName)->digest != descriptor.digest) __builtin_trap();
    again.remove(kName);
    if (again.find(kName)) __builtin_trap();
  } catch (const kiln::Error&) {
  }
  return 0;
}
