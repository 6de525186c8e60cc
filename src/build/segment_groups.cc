#include "build/segment_groups.h"

#include <cstring>

#include "base/error.h"
#include "build/content_cuts.h"

namespace kiln::build {
namespace {

constexpr std::uint64_t kSmallestGroup = 64 << 10;

/// Segments are named by the key of all that decides their bytes.
Sha256 key_of(const SegmentFile& segment) {
  const std::string name = segment.path.filename().native();
  const std::optional<Sha256> key = Sha256::from_hex(name);
  if (!key) throw Error{"segment ", quote(segment.path.native()), ": expected a file named by its key"};
  return *key;
}

}  // namespace

std::vector<SegmentFile> group_segments(const SegmentCache& cache, const std::vector<SegmentFile>& segments,
                                        std::size_t most) {
  if (segments.size() <= most) return segments;
  std::vector<CutItem> items;
  for (const SegmentFile& segment : segments) {
    CutItem& item = items.emplace_back();
    item.size = segment.size;
    const Sha256 key = key_of(segment);
    std::memcpy(&item.hash, key.bytes.data(), sizeof item.hash);
  }
  std::vector<std::size_t> cuts = cut_by_content(items, piece_target(items, kSmallestGroup, most));
  cuts.push_back(segments.size());
  std::vector<SegmentFile> groups;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    groups.push_back(cache.joined(std::span{segments}.subspan(cuts[i], cuts[i + 1] - cuts[i])));
  }
  return groups;
}

}  // namespace kiln::build
