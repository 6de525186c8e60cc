#include <cstring>

#include "base/error.h"
#include "tree/layer_index_format.h"
#include "tree/merge.h"

// A hostile index file. Its checksum is made to fit, as whoever forges one could.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kiln;
  std::string file{reinterpret_cast<const char*>(data), size};
  if (size >= sizeof(tree::format::FileFooter)) {
    const std::size_t at = size - sizeof(tree::format::FileFooter) + offsetof(tree::format::FileFooter, checksum);
    const le64 checksum = tree::format::checksum(0, as_bytes(file).first(at));
    std::memcpy(file.data() + at, &checksum, sizeof checksum);
  }
  try {
    const tree::LayerIndex index{as_bytes(file), "fuzz"};
    for (std::size_t i = 0; i < index.size(); ++i) {
      const tree::LayerEntry entry = index.entry(i);
      std::size_t sum = entry.path.size() + entry.link.size() + entry.user_name.size();
      for (const tree::Xattr& xattr : entry.xattrs) sum += Sha256::of(xattr.value).hex().size();
      if (sum == SIZE_MAX) __builtin_trap();
    }
    for (const std::uint64_t offset : {std::uint64_t{0}, index.tar_size(), UINT64_MAX})
      if (index.frame_before(offset).uncompressed > offset) __builtin_trap();
    const tree::LayerIndex* const layers[] = {&index};
    tree::merge(layers);
  } catch (const Error&) {
  }
  return 0;
}
