#include "format/joined.h"

#include "base/error.h"

namespace kiln::format {

std::uint64_t append_file(AtomicFile& out, const std::filesystem::path& part, std::uint64_t size) {
  UniqueFd fd = open_file(part);
  copy_range(fd.get(), 0, size, out.fd(), part.native());
  return size;
}

std::uint64_t append_initrd(AtomicFile& out, const build::BootSet& set) {
  std::uint64_t size = 0;
  for (const build::SegmentFile& segment : set.segments) size += append_file(out, segment.path, segment.size);
  return size;
}

std::uint64_t initrd_size(const build::BootSet& set) {
  std::uint64_t size = 0;
  for (const build::SegmentFile& segment : set.segments) size += segment.size;
  return size;
}

/// Cached files are named by what decides their bytes.
Sha256 initrd_content(const build::BootSet& set) {
  Sha256Hasher hasher;
  if (set.ucode) hasher.update(concat("ucode ", set.ucode->path.filename().native(), "\n"));
  for (const build::SegmentFile& segment : set.segments) {
    hasher.update(concat("segment ", segment.path.filename().native(), "\n"));
  }
  return hasher.finish();
}

}  // namespace kiln::format
