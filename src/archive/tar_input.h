#pragma once

#include <vector>

#include "base/error.h"
#include "base/stream.h"

namespace kiln::archive {

/// The bytes of a tar, buffered, handed out as views into the buffer.
class TarInput {
 public:
  explicit TarInput(Source& from) : from_{from}, buffer_(kBufferSize) {}

  /// The next `size` bytes (at most 512) at once; fewer only at the end of the source. Valid until the next call.
  Bytes take_block(std::size_t size) {
    while (end_ - begin_ < size && refill()) {
    }
    return take(size);
  }

  /// The next bytes, `limit` at most and at least one; empty only at the end of the source. Valid until the next call.
  Bytes take_some(std::uint64_t limit) {
    if (begin_ == end_) refill();
    return take(limit);
  }

  /// Returns how many bytes there were to skip.
  std::uint64_t skip(std::uint64_t size) {
    std::uint64_t skipped = 0;
    while (skipped < size) {
      const Bytes some = take_some(size - skipped);
      if (some.empty()) break;
      skipped += some.size();
    }
    return skipped;
  }

  std::uint64_t position() const { return position_; }
  bool source_failed() const { return source_failed_; }  ///< an exception that passes comes from the source's read()

 private:
  // Large enough that a decoder's fixed cost per call vanishes, small enough to stay in the second-level cache
  // between inflating and hashing.
  static constexpr std::size_t kBufferSize = 256 * 1024;

  Bytes take(std::uint64_t limit) {
    const std::size_t size = limit < end_ - begin_ ? static_cast<std::size_t>(limit) : end_ - begin_;
    const Bytes taken = Bytes{buffer_}.subspan(begin_, size);
    begin_ += size;
    position_ += size;
    return taken;
  }

  bool refill();

  Source& from_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;
  bool source_failed_ = false;
};

}  // namespace kiln::archive
