#pragma once

#include <string>
#include <string_view>

#include "archive/compress.h"

namespace kiln::build {

/// How segments are compressed.
struct Compression {
  archive::Codec codec = archive::Codec::zstd;
  int level = 3;

  /// "none", "gzip", "gzip:9", "zstd", "zstd:19". Throws Error with what is allowed.
  static Compression parse(std::string_view text);
  std::string to_string() const;  ///< "zstd:3"
};

}  // namespace kiln::build
