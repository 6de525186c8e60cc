#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace kiln::archive {

/// A header block as it lies in the tar (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
/// Format"). What follows the first 345 bytes depends on the dialect.
struct TarBlock {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
  char magic[6], version[2], user_name[32], group_name[32], dev_major[8], dev_minor[8];
  char prefix[155];
  char padding[12];

  enum class Dialect { v7, ustar, star, gnu };
  Dialect dialect() const;
  bool is_zero() const;
  std::string_view bytes() const { return {reinterpret_cast<const char*>(this), sizeof *this}; }
};
static_assert(sizeof(TarBlock) == 512);

/// The part of a GNU header from byte 345 on (GNU tar, "oldgnu_header").
struct GnuSparse {
  char offset[12], size[12];
};
struct GnuTail {
  char atime[12], ctime[12], volume_offset[12], long_names[4], unused;
  GnuSparse sparse[4];
  char is_extended, real_size[12], padding[17];
};
static_assert(sizeof(GnuTail) == 512 - 345);
struct GnuSparseBlock {
  GnuSparse sparse[21];
  char is_extended, padding[7];
};
static_assert(sizeof(GnuSparseBlock) == 512);

/// A text field: up to its NUL or its end.
template <std::size_t N>
std::string_view tar_text(const char (&field)[N]) {
  const std::string_view text{field, N};
  return text.substr(0, text.find('\0'));
}

/// A numeric field: octal digits between spaces and NULs (none: 0), or GNU's base-256. Nothing if it is neither or
/// does not fit.
std::optional<std::int64_t> tar_number(std::string_view field);
template <std::size_t N>
std::optional<std::int64_t> tar_number(const char (&field)[N]) {
  return tar_number(std::string_view{field, N});
}

/// The sum of all bytes with the checksum field as spaces: of unsigned bytes as the standard says, and of signed
/// ones as some old tars do.
struct TarChecksums {
  std::int64_t as_unsigned = 0, as_signed = 0;
};
TarChecksums tar_checksums(const TarBlock& block);

}  // namespace kiln::archive
