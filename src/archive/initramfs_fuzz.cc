#include <algorithm>
#include <vector>

#include "archive/initramfs.h"
#include "base/error.h"

// The first byte is the size of the reads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kiln;
  if (size == 0) return 0;
  MemorySource source{std::as_bytes(std::span{data + 1, size - 1})};
  std::vector<std::byte> buffer(1 + std::size_t{data[0]} * 64);
  try {
    const auto plain = archive::unpack_initramfs(source, "fuzz");
    std::uint64_t total = 0;
    while (const std::size_t got = plain->read(buffer)) {
      if (got > buffer.size()) __builtin_trap();
      total += got;
      if (total > (64 << 20)) break;
    }
  } catch (const Error&) {
  }
  return 0;
}
