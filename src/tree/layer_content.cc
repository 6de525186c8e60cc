#include "tree/layer_content.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace kiln::tree {
namespace {

// As for indexing: large enough that a decoder's cost per call vanishes, small enough for the second-level cache.
constexpr std::size_t kBufferSize = 256 * 1024;

class ContentReader {
 public:
  ContentReader(const LayerIndex& index, LayerTar& tar, ContentVisitor& visitor)
      : index_{index}, tar_{tar}, visitor_{visitor}, buffer_(kBufferSize) {}

  void read(std::uint32_t number) {
    const LayerEntry entry = index_.entry(number);
    if (entry.kind != Kind::regular)
      throw Error{"layer entry ", number + 1, " ", quote(entry.path),
                  ": it has no content, as it is not a regular file"};
    visitor_.begin(number, entry.size);
    std::uint64_t at = 0;
    for (const Extent& extent : entry.extents) {
      pass_zeros(extent.file_offset - at);
      skip_to(extent.tar_offset, entry);
      pass(extent.size, entry);
      at = extent.file_offset + extent.size;
    }
    pass_zeros(entry.size - at);
    visitor_.end(number);
  }

 private:
  void pass_zeros(std::uint64_t size) {
    static constexpr std::byte kZeros[64 * 1024] = {};
    while (size > 0) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size, sizeof kZeros));
      visitor_.data(Bytes{kZeros}.first(part));
      size -= part;
    }
  }

  void skip_to(std::uint64_t offset, const LayerEntry& entry) {
    if (offset < position_)
      throw Error{"layer file ", quote(entry.path), ": its content lies before that of the file read last"};
    while (position_ < offset) {
      const std::uint64_t skipped = rest_.empty() ? tar_.skip(offset - position_) : 0;
      position_ += skipped;
      if (position_ < offset) take(offset - position_, entry);
    }
  }

  void pass(std::uint64_t size, const LayerEntry& entry) {
    while (size > 0) {
      const Bytes piece = take(size, entry);
      visitor_.data(piece);
      size -= piece.size();
    }
  }

  /// At most `size` of the next bytes, at least one. Small files and what lies between them share one read.
  Bytes take(std::uint64_t size, const LayerEntry& entry) {
    if (rest_.empty()) {
      rest_ = Bytes{buffer_}.first(tar_.read(buffer_));
      if (rest_.empty())
        throw Error{"the layer's tar ends at byte ", position_, ", in or before the content of ", quote(entry.path)};
    }
    const Bytes piece = rest_.first(static_cast<std::size_t>(std::min<std::uint64_t>(size, rest_.size())));
    rest_ = rest_.subspan(piece.size());
    position_ += piece.size();
    return piece;
  }

  const LayerIndex& index_;
  LayerTar& tar_;
  ContentVisitor& visitor_;
  std::vector<std::byte> buffer_;
  Bytes rest_;  ///< of the buffer: read but not taken
  std::uint64_t position_ = 0;
};

}  // namespace

void read_contents(const LayerIndex& index, LayerTar& tar, std::span<const std::uint32_t> entries_in_tar_order,
                   ContentVisitor& visitor) {
  ContentReader reader{index, tar, visitor};
  for (const std::uint32_t entry : entries_in_tar_order) reader.read(entry);
}

}  // namespace kiln::tree
