#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/tar_writer.h"
#include "archive/test_support.h"
#include "tree/layer_index.h"
#include "tree/merge.h"

// For the tests of this folder.
namespace kiln::tree {

inline std::string index_of(const std::string& tar, const LayerLimits& limits = {}, std::size_t step = 1 << 20) {
  archive::ChunkedSource source{tar, step};
  StringSink sink;
  write_layer_index(source, sink, limits);
  return sink.take();
}

inline std::string index_of(const std::string& tar, const archive::FramePoints& points) {
  MemorySource source{as_bytes(tar)};
  StringSink sink;
  write_layer_index(source, sink, {}, &points);
  return sink.take();
}

/// A tar of one line an entry: "d PATH", "f PATH CONTENT", "l PATH TARGET" (symlink), "h PATH TARGET" (hard link),
/// "c PATH", "p PATH" (device, fifo).
std::string tar_of(const std::vector<std::string>& lines);

/// Layers made of such lines, base first.
class Layers {
 public:
  explicit Layers(const std::vector<std::vector<std::string>>& layers);

  std::vector<const LayerIndex*> pointers() const;
  const LayerIndex& operator[](std::size_t i) const { return *indexes_[i]; }

 private:
  std::vector<std::string> files_;
  std::vector<std::unique_ptr<LayerIndex>> indexes_;
};

/// A line a node, in the words of tar_of() with the layer it comes from: "2 f a/b CONTENT-DIGEST[:8]"; of a file with
/// several names "=NUMBER" follows, the same for all of them.
std::string dump(const std::vector<Node>& nodes, const std::vector<const LayerIndex*>& layers);

}  // namespace kiln::tree
