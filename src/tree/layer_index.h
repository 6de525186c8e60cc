#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "archive/frame_points.h"
#include "base/guarded.h"
#include "base/mapping.h"
#include "base/sha256.h"
#include "base/stream.h"
#include "tree/metadata.h"
#include "tree/whiteout.h"

namespace kiln::tree {

/// One tar entry of a layer. Views point into the index's mapping and live as long as it.
struct LayerEntry {
  std::string_view path;  ///< cleaned: no leading or trailing slash, no "." or ".."; empty is the root itself
  Kind kind = Kind::regular;
  Metadata meta;
  std::string_view link;   ///< symlink: the target as it is; hard link: the cleaned path of the target in this layer
  std::uint64_t size = 0;  ///< regular: bytes of content, holes included
  Sha256 content;          ///< regular: digest of the content (holes as zeros); of nothing when size is 0
  std::vector<Extent> extents;             ///< regular: where the content is; ascending; a plain file has one
  std::vector<Xattr> xattrs;               ///< sorted by name
  std::string_view user_name, group_name;  ///< the tar's uname and gname, for LinuxKit-compatible tars
};

/// What of an entry only those need who write it to a tar as it was.
struct AsWritten {
  std::string path, link;      ///< as they stood in the tar, uncleaned
  std::vector<Xattr> records;  ///< further pax records, by key: atime, ctime, what is private to some tool
};

/// All entries of a layer in tar order, in a compact file that is mapped, not parsed: opening one costs nothing,
/// reading entry i is O(its size). The format, why it is so and its figures are described in layer_index.cc.
class LayerIndex {
 public:
  /// Maps an index file. Throws Error if it is not one of this version or fails its checks (the caller makes it anew).
  explicit LayerIndex(const std::filesystem::path& path);

  /// The same for an index in memory that must outlive it; `name` is what errors call it.
  LayerIndex(Bytes index, std::string name);

  std::size_t size() const { return size_; }
  LayerEntry entry(std::size_t i) const;
  AsWritten as_written(std::size_t i) const;
  std::uint64_t tar_size() const { return tar_size_; }  ///< bytes of the uncompressed tar

  /// The last place at or before byte `tar_offset` of the tar where the compressed layer can be entered; its start if
  /// there is no other.
  archive::FramePoint frame_before(std::uint64_t tar_offset) const;

  // Cheaper than entry(i) when this is all one wants.
  std::string_view path(std::size_t i) const;
  std::string_view link(std::size_t i) const;
  std::uint64_t content_size(std::size_t i) const;  ///< LayerEntry::size
  Sha256 content(std::size_t i) const;
  std::vector<Xattr> xattrs(std::size_t i) const;
  /// What merge() needs of every entry.
  struct Summary {
    std::string_view path;
    Kind kind = Kind::regular;
    Whiteout whiteout = Whiteout::none;
  };
  Summary summary(std::size_t i) const;

  /// A copy of text that lives as long as this: for paths that follow from the layer's but do not stand in it.
  std::string_view keep(std::string text) const;

 private:
  struct Record;
  class Cursor;
  Cursor record(std::size_t i) const;
  void check_file();

  Mapping mapping_;
  Bytes bytes_;
  std::string name_;
  std::size_t size_ = 0;
  std::uint64_t tar_size_ = 0;
  std::size_t offsets_at_ = 0;
  std::size_t frame_points_at_ = 0;
  std::size_t frame_points_ = 0;
  std::unique_ptr<Guarded<std::set<std::string, std::less<>>>> kept_;
};

/// What keeps a hostile layer from exhausting the builder. Exceeding one is an Error that names it.
struct LayerLimits {
  std::uint64_t entries = 4'000'000;
  std::uint64_t tar_size = std::uint64_t{64} << 30;  ///< uncompressed bytes: tar bombs end here
  std::uint64_t ratio = 2000;                        ///< uncompressed over compressed size, beyond 64 MiB
  std::size_t path = 4096, link = 4096, xattrs = 65536;
  std::uint64_t holes = std::uint64_t{64}
                        << 30;  ///< of all sparse files together: they are hashed, at no cost to a bomb
  std::uint64_t metadata = std::uint64_t{1} << 30;  ///< bytes of the index
  std::uint64_t compressed_size = 0;                ///< of the blob, for `ratio`; 0: unknown, then ratio is not checked
};

/// Reads an uncompressed tar stream to its end and writes its index to `out`. Throws Error, naming the entry and its
/// position, for what cannot be a layer: a path or hard link that leaves the root ("../", absolute hard links are
/// taken relative to the root as all OCI tools do), truncation, bad checksums, unknown types, limits exceeded.
/// "layer entry 12 '../x': …". Entries are counted from 1. Memory: 4 bytes an entry; the rest is written as it comes.
/// `points`: where the compressed layer can be entered, filled by the time the tar has been read.
void write_layer_index(Source& tar, Sink& out, const LayerLimits& limits = {},
                       const archive::FramePoints* points = nullptr);

}  // namespace kiln::tree
