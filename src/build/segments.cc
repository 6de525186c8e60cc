#include "build/segments.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "base/error.h"
#include "base/thread_pool.h"
#include "build/content_cuts.h"

namespace kiln::build {
namespace {

using tree::Kind;

// What libarchive and cpio are told of the number of names of a shared file: they forget an inode when they have seen
// that many, and the true number would make every part's bytes depend on all others.
constexpr std::uint32_t kSharedLinkCount = 0xffff;

struct IdentityHash {
  std::size_t operator()(const Identity& identity) const {
    return static_cast<std::size_t>(identity[0]) << 32 | identity[2];
  }
};

Identity identity_from(const Sha256& hash) {
  Identity out{};
  __builtin_memcpy(out.data(), hash.bytes.data(), sizeof out);
  for (std::uint32_t& number : out) number &= 0x7fffffff;
  // The top bit of major is set, so that it cannot meet the running numbers of unshared files (major 0).
  out[0] |= 0x40000000;
  return out;
}

void hash_number(Sha256Hasher& hasher, std::uint64_t number) {
  const le64 bytes{number};
  hasher.update(Bytes{reinterpret_cast<const std::byte*>(&bytes), sizeof bytes});
}

void hash_text(Sha256Hasher& hasher, std::string_view text) {
  hash_number(hasher, text.size());
  hasher.update(text);
}

/// Two files with the same identity may be one inode: same content, metadata and extended attributes.
Identity content_identity(const tree::LayerEntry& file, Sha256Hasher& hasher) {
  hasher.update(Bytes{file.content.bytes});
  for (const std::uint64_t number : {std::uint64_t{file.meta.mode}, std::uint64_t{file.meta.uid},
                                     std::uint64_t{file.meta.gid}, static_cast<std::uint64_t>(file.meta.mtime)}) {
    hash_number(hasher, number);
  }
  for (const tree::Xattr& xattr : file.xattrs) {
    hash_text(hasher, xattr.name);
    hash_text(hasher, xattr.value);
  }
  return identity_from(hasher.finish());
}

/// Names an inode of an image: for files that are hard links there, and may not be shared with others.
Identity inode_identity(const Plan& plan, std::size_t part, const Entry& entry, Sha256Hasher& hasher) {
  hash_text(hasher, plan.parts[part].name);
  hasher.update(Bytes{plan.layers->layer(entry.layer).identity.bytes});
  hash_number(hasher, entry.entry);
  return identity_from(hasher.finish());
}

/// Programs and libraries of the root tree are shared with containers that have the same; its other files are not, for
/// whoever makes the root writable edits those, and edits them in place.
bool is_program(std::string_view path) {
  constexpr std::array<std::string_view, 5> kPrograms{"usr/", "lib/", "lib64/", "bin/", "sbin/"};
  return path == "init" || std::any_of(kPrograms.begin(), kPrograms.end(),
                                       [&](std::string_view directory) { return path.starts_with(directory); });
}

bool may_share(const Part& part, const Entry& entry) {
  switch (part.shares) {
    case Part::Shares::nothing:
      return false;
    case Part::Shares::programs:
      return !entry.linked && is_program(entry.full_path());  // its other name need not be a program's
    case Part::Shares::everything:
      return true;
  }
  return false;
}

/// By entry of a part, which inode it could be a name of together with others; nothing if it is alone in any case.
std::vector<std::optional<Identity>> candidates_of(const Plan& plan, ArchiveKind kind, std::size_t number) {
  const Part& part = plan.parts[number];
  std::vector<std::optional<Identity>> candidates(part.entries.size());
  Sha256Hasher hasher;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Entry& entry = part.entries[i];
    if (entry.kind != Kind::regular || entry.layer == kGenerated) continue;
    if (kind == ArchiveKind::cpio && may_share(part, entry) && plan.content_size(entry) > 0) {
      candidates[i] = content_identity(plan.layer_entry(entry), hasher);
    } else if (entry.linked) {
      candidates[i] = inode_identity(plan, number, entry, hasher);
    }
  }
  return candidates;
}

/// Finds out which files of the plan share an inode.
class Sharing {
 public:
  Sharing(const Plan& plan, ArchiveKind kind, ThreadPool& pool) {
    std::vector<std::vector<std::optional<Identity>>> parts(plan.parts.size());
    TaskGroup tasks{pool};
    for (std::size_t part = 0; part < parts.size(); ++part) {
      tasks.run([&, part] { parts[part] = candidates_of(plan, kind, part); });
    }
    tasks.wait();
    for (const auto& part : parts) {
      for (const std::optional<Identity>& identity : part) {
        candidates_.push_back(identity ? &*inodes_.try_emplace(*identity).first : nullptr);
        if (identity) ++candidates_.back()->second.names;
      }
    }
  }

  /// To be called for every entry, in plan order.
  SegmentItem next(const Entry& entry) {
    SegmentItem item;
    item.entry = &entry;
    Inodes::value_type* const candidate = candidates_[next_++];
    if (candidate == nullptr || candidate->second.names < 2) return item;
    Inode& inode = candidate->second;
    item.identity = candidate->first;
    item.shared = true;
    item.link = inode.first != nullptr;
    if (!item.link) inode.first = &entry;
    item.first = inode.first;
    return item;
  }

 private:
  struct Inode {
    std::uint32_t names = 0;
    const Entry* first = nullptr;
  };
  using Inodes = std::unordered_map<Identity, Inode, IdentityHash>;

  Inodes inodes_;
  std::vector<Inodes::value_type*> candidates_;  ///< by entry, in plan order; null: it shares with nobody
  std::size_t next_ = 0;
};

/// A piece is what is rendered anew when one of its files changes, and pushed anew; of a large part it is larger, since
/// a segment is a file that boot loaders fetch.
constexpr std::uint64_t kSmallestPiece = 4 << 20;
constexpr std::size_t kMostPieces = 16;

/// Cuts the content of a layer, which is in tar order.
void add_pieces(const Plan& plan, Segment content, std::vector<Segment>& out) {
  std::vector<CutItem> files;
  files.reserve(content.items.size());
  for (const SegmentItem& item : content.items) {
    const Sha256 digest = plan.layers->layer(*content.layer).index.content(item.entry->entry);
    CutItem& file = files.emplace_back();
    file.size = plan.content_size(*item.entry);
    __builtin_memcpy(&file.hash, digest.bytes.data(), sizeof file.hash);
  }
  const std::vector<std::size_t> cuts = cut_by_content(files, piece_target(files, kSmallestPiece, kMostPieces));
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const auto first = content.items.begin() + static_cast<std::ptrdiff_t>(cuts[i]);
    const auto end =
        i + 1 < cuts.size() ? content.items.begin() + static_cast<std::ptrdiff_t>(cuts[i + 1]) : content.items.end();
    out.push_back(Segment{.name = content.name, .layer = content.layer, .continues = i > 0, .items = {first, end}});
  }
}

/// One part as up to three kinds of segments: what has no content or a little of our own; the content of each layer,
/// in tar order and in pieces; and last the links, so that every tool has seen what they link to.
void add_part(const Plan& plan, std::size_t number, Sharing& sharing, std::vector<Segment>& out) {
  const Part& part = plan.parts[number];
  Segment rest{.name = part.name};
  Segment links{.name = part.name};
  std::map<std::uint32_t, Segment> contents;
  for (const Entry& entry : part.entries) {
    const SegmentItem item = sharing.next(entry);
    if (item.link) {
      links.items.push_back(item);
    } else if (has_layer_content(plan, item)) {
      Segment& segment =
          contents.try_emplace(entry.layer, Segment{.name = part.name, .layer = entry.layer}).first->second;
      segment.items.push_back(item);
    } else {
      rest.items.push_back(item);
    }
  }
  out.push_back(std::move(rest));
  for (auto& [layer, segment] : contents) {
    std::sort(segment.items.begin(), segment.items.end(),
              [](const SegmentItem& a, const SegmentItem& b) { return a.entry->entry < b.entry->entry; });
    add_pieces(plan, std::move(segment), out);
  }
  out.push_back(std::move(links));
}

/// newc has no extended attributes: they travel in a table that the guest applies (guest/README.md).
std::string xattr_table(const Plan& plan) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto escaped = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte <= 0x20 || byte >= 0x7f || c == '\\') {
        out += '\\';
        for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + (byte >> shift & 7));
      } else {
        out += c;
      }
    }
    return out;
  };
  std::string table;
  for (const Part& part : plan.parts) {
    for (const Entry& entry : part.entries) {
      if (entry.layer == kGenerated) continue;
      for (const tree::Xattr& xattr : plan.layers->layer(entry.layer).index.xattrs(entry.entry)) {
        table += '/' + escaped(entry.full_path()) + '\t' + escaped(xattr.name) + '\t';
        for (const char c : xattr.value) {
          table += kHex[static_cast<unsigned char>(c) >> 4];
          table += kHex[static_cast<unsigned char>(c) & 15];
        }
        table += '\n';
      }
    }
  }
  return table;
}

Segment xattr_segment(const std::string& table) {
  Segment segment{.name = "extended attributes", .content_size = table.size()};
  ArchiveEntry directory;
  directory.path = ".kiln";
  directory.kind = Kind::directory;
  directory.meta = {.mode = 0700, .mtime = kFixedTime};
  append_header(ArchiveKind::cpio, segment.generated, directory);
  ArchiveEntry file;
  file.path = ".kiln/xattrs";
  file.meta = {.mode = 0600, .mtime = kFixedTime};
  file.size = table.size();
  append_header(ArchiveKind::cpio, segment.generated, file);
  segment.generated += table;
  segment.generated.append(padding_after(ArchiveKind::cpio, table.size()), '\0');
  return segment;
}

/// Files that are not shared have running numbers within their segment, as readers expect some number.
void number_unshared(Segment& segment) {
  std::uint32_t number = 1;
  for (SegmentItem& item : segment.items) {
    if (!item.shared) item.identity = {0, 0, number++};
  }
}

Sha256 content_of(const Plan& plan, ArchiveKind kind, const Segment& segment) {
  Sha256Hasher hasher;
  hash_text(hasher, kind == ArchiveKind::cpio ? "cpio" : "tar");
  std::string header;
  for (const SegmentItem& item : segment.items) {
    header.clear();
    append_header(kind, header, archive_entry(plan, kind, item));
    hash_text(hasher, header);
    if (item.link || item.entry->kind != Kind::regular) continue;
    if (item.entry->layer == kGenerated) {
      const Generated& file = plan.generated[item.entry->entry];
      hash_text(hasher, file.source ? file.source->content.hex() : file.content);
    } else {
      hasher.update(Bytes{plan.layers->layer(item.entry->layer).index.content(item.entry->entry).bytes});
    }
  }
  hash_text(hasher, segment.generated);
  return hasher.finish();
}

/// What only a segment with all its items can be told.
void describe(const Plan& plan, ArchiveKind kind, Segment& segment) {
  number_unshared(segment);
  for (const SegmentItem& item : segment.items) {
    if (item.entry->kind != Kind::regular) continue;
    const std::uint64_t size = plan.content_size(*item.entry);
    segment.root_size += size;
    if (!item.link) segment.content_size += size;
  }
  segment.content = content_of(plan, kind, segment);
}

/// The records of LinuxKit's tar (spec layout.md §1.1), and those the entry had.
std::vector<std::pair<std::string, std::string>> private_records(const Plan& plan, const SegmentItem& item) {
  std::vector<std::pair<std::string, std::string>> records;
  if (item.part == nullptr || (item.part->location.empty() && !item.part->verbatim)) return records;
  if (!item.part->verbatim) {
    records = {{"LINUXKIT.location", item.part->location}, {"LINUXKIT.source", item.part->source}};
  }
  if (item.entry->layer == kGenerated || item.entry->header == Entry::Header::made) return records;
  for (const tree::Xattr& record : plan.layers->layer(item.entry->layer).index.as_written(item.entry->entry).records) {
    if (item.part->verbatim || !record.name.starts_with("LINUXKIT.")) records.emplace_back(record.name, record.value);
  }
  return records;
}

}  // namespace

bool has_layer_content(const Plan& plan, const SegmentItem& item) {
  return !item.link && item.entry->kind == Kind::regular && item.entry->layer != kGenerated &&
         plan.content_size(*item.entry) > 0;
}

ArchiveEntry archive_entry(const Plan& plan, ArchiveKind kind, const SegmentItem& item) {
  const Entry& entry = *item.entry;
  ArchiveEntry out;
  out.path = entry.full_path();
  out.kind = entry.kind;
  out.identity = item.identity;
  out.nlink = item.shared ? kSharedLinkCount : 1;
  if (entry.layer == kGenerated) {
    const Generated& file = plan.generated[entry.entry];
    out.meta = file.meta;
    out.user_name = file.user_name;
    out.group_name = file.group_name;
    if (file.kind == Kind::symlink || file.kind == Kind::hard_link) out.link = file.content;
    if (file.kind == Kind::regular) out.size = plan.content_size(entry);
  } else {
    const tree::LayerEntry file = plan.layer_entry(entry);
    out.meta = file.meta;
    if (entry.kind == Kind::symlink) out.link = file.link;
    if (entry.kind == Kind::hard_link) {
      out.link = concat(entry.prefix, plan.layers->layer(entry.layer).index.as_written(entry.entry).link);
    }
    if (entry.kind == Kind::regular && !item.link) out.size = file.size;
    out.user_name = file.user_name;
    out.group_name = file.group_name;
    out.xattrs = file.xattrs;
  }
  out.records = private_records(plan, item);
  if (item.link && kind == ArchiveKind::tar) {
    out.kind = Kind::hard_link;
    out.link = item.first->full_path();
  }
  return out;
}

SegmentList make_segments(const Plan& plan, ArchiveKind kind, unsigned threads) {
  SegmentList list{kind, {}, 0, 0};
  ThreadPool pool{threads};
  Sharing sharing{plan, kind, pool};
  for (std::size_t part = 0; part < plan.parts.size(); ++part) add_part(plan, part, sharing, list.segments);
  if (kind == ArchiveKind::cpio) {
    if (const std::string table = xattr_table(plan); !table.empty()) list.segments.push_back(xattr_segment(table));
  }
  list.segments.push_back(Segment{.name = "end", .generated = std::string{archive_end(kind)}});
  std::erase_if(list.segments,
                [](const Segment& segment) { return segment.items.empty() && segment.generated.empty(); });
  TaskGroup tasks{pool};
  for (Segment& segment : list.segments) tasks.run([&] { describe(plan, kind, segment); });
  tasks.wait();
  for (const Segment& segment : list.segments) {
    list.root_size += segment.root_size;
    list.content_size += segment.content_size;
  }
  return list;
}

SegmentList make_stream_segments(const Plan& plan) {
  SegmentList list{ArchiveKind::tar, {}, 0, 0};
  std::uint32_t last = 0;
  const auto cut = [&](const std::string& name) { list.segments.push_back(Segment{.name = name}); };
  for (const Part& part : plan.parts) {
    cut(part.name);
    for (const Entry& entry : part.entries) {
      SegmentItem item;
      item.entry = &entry;
      item.part = &part;
      if (has_layer_content(plan, item)) {
        std::optional<std::uint32_t>& layer = list.segments.back().layer;
        if (layer && (*layer != entry.layer || entry.entry <= last)) cut(part.name);
        list.segments.back().layer = entry.layer;
        last = entry.entry;
      }
      list.segments.back().items.push_back(item);
    }
  }
  list.segments.push_back(Segment{.name = "end", .generated = std::string{archive_end(ArchiveKind::tar)}});
  return list;
}

Sha256 cache_key(const Segment& segment, const Compression& compression) {
  return Sha256::of(concat("kiln segment 4 ", compression.to_string(), " ", segment.content.hex()));
}

}  // namespace kiln::build
