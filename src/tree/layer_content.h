#pragma once

#include <cstdint>
#include <span>

#include "base/stream.h"
#include "tree/layer_index.h"

namespace kiln::tree {

/// Who gets the content of files, one file after the other.
struct ContentVisitor {
  virtual ~ContentVisitor() = default;
  virtual void begin(std::uint32_t entry, std::uint64_t size) = 0;
  virtual void data(Bytes piece) = 0;  ///< the next bytes; pieces are never empty; holes come as zeros
  virtual void end(std::uint32_t entry) = 0;
};

/// The uncompressed tar of a layer, from its first byte on.
struct LayerTar : Source {
  /// Passes over at most `most` of the next bytes, if that is cheaper than reading them; returns how many.
  virtual std::uint64_t skip(std::uint64_t most) = 0;
};

/// One of which every byte is read.
class WholeTar final : public LayerTar {
 public:
  explicit WholeTar(Source& tar) : tar_{tar} {}
  std::size_t read(MutableBytes into) override { return tar_.read(into); }
  std::uint64_t skip(std::uint64_t) override { return 0; }

 private:
  Source& tar_;
};

/// Reads the content of regular files of a layer in one pass over its uncompressed tar (from its first byte on), no
/// further than the buffer in which the last of them ends. `entries_in_tar_order`: indexes of regular entries,
/// ascending. Throws Error if the tar ends before, or if an entry is no regular file or out of order.
void read_contents(const LayerIndex& index, LayerTar& tar, std::span<const std::uint32_t> entries_in_tar_order,
                   ContentVisitor& visitor);

}  // namespace kiln::tree
