#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "base/file.h"
#include "base/sha256.h"
#include "oci/store.h"

namespace kiln::build {

/// A rendered segment on disk: `size` bytes of `path` from the start (a trailer of the cache's own follows).
struct SegmentFile {
  std::filesystem::path path;
  std::uint64_t size = 0;
};

/// The SHA-256 of a segment in the cache, computed once: a note beside the file keeps it.
Sha256 content_digest(const SegmentFile& segment);

/// Rendered segments, found by the key of all that decides their bytes; in the store's derived directory `segments`.
/// Each file ends in a trailer that repeats its size, so that one a power failure cut short is not taken for whole.
class SegmentCache {
 public:
  explicit SegmentCache(const oci::Store& store);

  /// Where the segment is, or would be.
  std::filesystem::path path(const Sha256& key) const { return directory_ / key.hex(); }

  /// The segment, if it is there and whole. Marks it as used, for prune().
  std::optional<SegmentFile> find(const Sha256& key) const;

  /// A file to write a segment to; it becomes visible when store() is called with it.
  AtomicFile create(const Sha256& key) const;
  SegmentFile store(AtomicFile file, std::uint64_t size) const;

  /// The segments in a row as one file of the cache; one of them alone as it is.
  SegmentFile joined(std::span<const SegmentFile> segments) const;

  /// Removes the segments that were used longest ago until `limit` bytes are left. It takes a look at every segment, so
  /// it does so when a sixteenth of the limit has been stored since the last time, by this process or others.
  void prune(std::uint64_t limit) const;

 private:
  bool note_stored(std::uint64_t limit) const;

  std::filesystem::path directory_;
  mutable std::atomic<std::uint64_t> stored_{0};  ///< bytes, not yet noted for prune()
};

}  // namespace kiln::build
