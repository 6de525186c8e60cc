#include "archive/tar_reader.h"

#include "archive/fuzz_support.h"
#include "base/error.h"

// What the reader promises about every entry it lets through.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kiln;
  const std::string tar = archive::with_good_checksums(data, size);
  MemorySource source{as_bytes(tar)};
  archive::TarReader reader{source};
  try {
    while (const archive::TarEntry* entry = reader.next()) {
      if (entry->path.find('\0') != std::string::npos) __builtin_trap();
      std::uint64_t end = 0, stored = 0;
      for (const archive::TarExtent& extent : entry->extents) {
        if (extent.file_offset < end || extent.size == 0 || extent.size > entry->size - extent.file_offset)
          __builtin_trap();
        end = extent.file_offset + extent.size;
        stored += extent.size;
      }
      if (entry->type != '0' && (entry->size != 0 || stored != 0)) __builtin_trap();
      std::uint64_t read = 0;
      for (Bytes some = reader.read(); !some.empty(); some = reader.read()) read += some.size();
      if (read != stored) __builtin_trap();
    }
  } catch (const Error&) {
  }
  return 0;
}
