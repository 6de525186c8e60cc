#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "archive/tar_block.h"

namespace kiln::archive {

/// The input with the checksum of every block that looks like a header made right: otherwise a fuzzer gets past the
/// first header only by guessing sums.
inline std::string with_good_checksums(const std::uint8_t* data, std::size_t size) {
  std::string tar{reinterpret_cast<const char*>(data), size};
  for (std::size_t at = 0; at + sizeof(TarBlock) <= size; at += sizeof(TarBlock)) {
    TarBlock block;
    std::memcpy(&block, tar.data() + at, sizeof block);
    if (std::memcmp(block.magic, "ustar", 5) != 0) continue;
    const auto sum = static_cast<unsigned>(tar_checksums(block).as_unsigned);
    std::snprintf(block.checksum, sizeof block.checksum, "%06o", sum);
    std::memcpy(tar.data() + at, &block, sizeof block);
  }
  return tar;
}

}  // namespace kiln::archive
