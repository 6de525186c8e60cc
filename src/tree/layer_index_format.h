#pragma once

#include "base/bytes.h"

// The structures of an index file; layer_index.cc describes how they lie in it.
namespace kiln::tree::format {

inline constexpr std::uint64_t kMagic = 0x58644979614c4b00;  // "\0KLayIdX"
inline constexpr std::uint32_t kVersion = 3;

struct FileHeader {
  le64 magic = kMagic;
  le32 version = kVersion;
  le32 reserved = 0U;
};
static_assert(sizeof(FileHeader) == 16);

struct RecordHeader {
  le64 size;   // of a regular file's content
  le64 mtime;  // two's complement
  le32 mtime_nsec;
  le32 uid, gid;
  le32 user_name, group_name;  // offsets of a le16 length and the text; 0: none
  le16 mode;
  le16 path_size, link_size;
  le16 xattr_count;
  le16 record_count;  // foreign pax records, after the extended attributes and like them
  std::uint8_t kind = 0;
  std::uint8_t whiteout = 0;
  std::uint8_t has_content = 0;  // a ContentHeader follows
  std::uint8_t has_device = 0;   // a DeviceHeader follows
  std::uint8_t path_spelling = 0, link_spelling = 0;
};
static_assert(sizeof(RecordHeader) == 52);

// How a cleaned path stood in the tar. Nearly all that are not clean differ by one of the first two; for the rest the
// whole text follows at the end of the record, after its length (le16).
inline constexpr std::uint8_t kDotSlash = 1;       // "./" in front
inline constexpr std::uint8_t kTrailingSlash = 2;  // "/" behind
inline constexpr std::uint8_t kSpelledOut = 4;

struct ContentHeader {
  unsigned char digest[32];
  le32 extent_count;  // that many ExtentRecords follow
};
static_assert(sizeof(ContentHeader) == 36);

struct ExtentRecord {
  le64 file_offset, tar_offset, size;
};
static_assert(sizeof(ExtentRecord) == 24);

struct DeviceHeader {
  le32 major, minor;
};
static_assert(sizeof(DeviceHeader) == 8);

struct XattrHeader {
  le16 name_size;
  le32 value_size;
};
static_assert(sizeof(XattrHeader) == 6);

struct FramePointRecord {
  le64 compressed, uncompressed;
};
static_assert(sizeof(FramePointRecord) == 16);

struct FileFooter {
  le64 tar_size;
  le64 offsets_at;
  le32 entries;
  le32 frame_points;
  le64 checksum;  // CRC-64 (ECMA-182, reflected) of everything before this field
  le64 magic = kMagic;
};
static_assert(sizeof(FileFooter) == 40);

/// CRC-64 of `data` after data whose CRC-64 was `before`.
std::uint64_t checksum(std::uint64_t before, Bytes data);

}  // namespace kiln::tree::format
