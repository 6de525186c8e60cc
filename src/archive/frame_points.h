#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kiln::archive {

/// Where a compressed stream can be entered: its next gzip member or zstd frame begins there.
struct FramePoint {
  std::uint64_t compressed = 0, uncompressed = 0;  ///< bytes before it
  friend bool operator==(const FramePoint&, const FramePoint&) = default;
};

/// The places met while a stream was decompressed, in order, the start left out, each at least kApart uncompressed
/// bytes after the one before: closer ones save nothing, and a stream of empty frames must not cost memory.
class FramePoints {
 public:
  static constexpr std::uint64_t kApart = 256 * 1024;

  void add(const FramePoint& point) {
    if (point.uncompressed >= last_ + kApart) {
      points_.push_back(point);
      last_ = point.uncompressed;
    }
  }
  std::span<const FramePoint> all() const { return points_; }

 private:
  std::vector<FramePoint> points_;
  std::uint64_t last_ = 0;
};

}  // namespace kiln::archive
