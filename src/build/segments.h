#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "build/archive_entry.h"
#include "build/compression.h"
#include "build/plan.h"

namespace kiln::build {

/// How an entry stands in an archive.
struct SegmentItem {
  const Entry* entry = nullptr;
  const Part* part = nullptr;    ///< in LinuxKit's tar: whose records it has
  const Entry* first = nullptr;  ///< for a link: the entry that carries the content
  Identity identity{};
  bool shared = false;  ///< one of several names of an inode
  bool link = false;    ///< of those, one without content
};

/// A run of archive entries that is rendered and cached on its own (DESIGN.md, "Segments"). What it takes from layers
/// is from one of them and in its order, so that the layer is read once from start to end.
struct Segment {
  std::string name = {};                    ///< "services/web" for reports
  std::optional<std::uint32_t> layer = {};  ///< where the content comes from
  bool continues = false;                   ///< from where the segment before ended in the same layer
  std::vector<SegmentItem> items = {};
  std::string generated = {};      ///< further bytes of archive after the items, already encoded
  std::uint64_t content_size = 0;  ///< bytes before compression, roughly: for reports and for scheduling
  Sha256 content = {};             ///< of all that decides its bytes before compression
  std::uint64_t root_size = 0;     ///< bytes of regular files in the root tree, every name counted
};

/// What an archive of the whole plan is made of.
struct SegmentList {
  ArchiveKind kind = ArchiveKind::cpio;
  std::vector<Segment> segments;
  std::uint64_t root_size = 0;     ///< bytes of regular files in the root tree, every name counted
  std::uint64_t content_size = 0;  ///< of which this much is stored, each shared file once
};

/// Cuts the plan into segments. In a cpio, files that parts share (Part::Shares) and that are identical in content and
/// metadata become one inode, whose first name in plan order carries the content. In a tar, only what is hard-linked in
/// its image is. The parts are looked at by that many threads.
SegmentList make_segments(const Plan& plan, ArchiveKind kind, unsigned threads = 1);

/// A tar of the plan as it stands, entry after entry, with the records of its parts. For writing only: such segments
/// have no key.
SegmentList make_stream_segments(const Plan& plan);

/// Whether the item has content that comes out of a layer.
bool has_layer_content(const Plan& plan, const SegmentItem& item);

/// What a segment is cached under: a hash of all that decides its bytes.
Sha256 cache_key(const Segment& segment, const Compression& compression);

/// The header of an item as it stands in the archive.
ArchiveEntry archive_entry(const Plan& plan, ArchiveKind kind, const SegmentItem& item);

}  // namespace kiln::build
