#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "base/file.h"
#include "oci/import.h"

/// A whole archive of a stranger: it is refused with an Error, or the store is whole afterwards.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kiln;
  static const TempDir directory;
  static oci::Store store{directory.path() / "store"};
  MemorySource source{Bytes{reinterpret_cast<const std::byte*>(data), size}};
  try {
    oci::import_images(source, "archive", store);
  } catch (const Error&) {
    return 0;
  }
  if (!store.verify().empty()) __builtin_trap();
  return 0;
}
