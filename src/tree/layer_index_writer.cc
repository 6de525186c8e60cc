#include <algorithm>
#include <limits>
#include <span>
#include <unordered_map>

#include "archive/tar_reader.h"
#include "base/error.h"
#include "tree/layer_index.h"
#include "tree/layer_index_format.h"
#include "tree/layer_path.h"

namespace kiln::tree {
namespace {

using archive::TarEntry;
using archive::TarReader;

// Below this a high ratio is no danger: a layer of empty files compresses very well.
constexpr std::uint64_t kRatioFrom = 64 << 20;
// Distinct names of users and groups that are remembered; more are written again where they occur.
constexpr std::size_t kMaxRemembered = 4096;
constexpr std::size_t kMaxXattrName = 255;  // XATTR_NAME_MAX

/// Counts what is inflated and stops a bomb while it goes off, wherever in the tar it is.
class LimitedTar final : public Source {
 public:
  LimitedTar(Source& from, const LayerLimits& limits) : from_{from}, limits_{limits} {}

  bool failed() const { return failed_; }  ///< an exception that passes comes from here and not from the tar reader

  std::size_t read(MutableBytes into) override {
    failed_ = true;
    const std::size_t got = from_.read(into);
    size_ += got;
    if (size_ > limits_.tar_size) throw Error{"layer: its tar has more than ", limits_.tar_size, " bytes uncompressed"};
    const std::uint64_t compressed = limits_.compressed_size;
    if (compressed > 0 && size_ > kRatioFrom && size_ / compressed > limits_.ratio)
      throw Error{"layer: ",
                  compressed,
                  " bytes became more than ",
                  size_,
                  " uncompressed, at most ",
                  limits_.ratio,
                  " times as many are accepted"};
    failed_ = false;
    return got;
  }

 private:
  Source& from_;
  const LayerLimits& limits_;
  std::uint64_t size_ = 0;
  bool failed_ = false;
};

/// Writes the index file, keeping its position and checksum.
class IndexFile {
 public:
  IndexFile(Sink& out, std::uint64_t limit)
      : out_{out}, limit_{std::min<std::uint64_t>(limit, std::numeric_limits<std::uint32_t>::max())} {
    append_struct(format::FileHeader{});
  }

  std::uint64_t position() const { return position_ + buffer_.size(); }

  template <typename T>
  void append_struct(const T& structure) {
    static_assert(std::is_trivially_copyable_v<T>);
    append(std::string_view{reinterpret_cast<const char*>(&structure), sizeof structure});
  }
  void append(std::string_view text) { buffer_ += text; }

  void begin_record() {
    if (position() > limit_) throw Error{"the layer's metadata has more than ", limit_, " bytes"};
    offsets_.push_back(static_cast<std::uint32_t>(position()));
    if (buffer_.size() >= kFlush) flush();
  }

  std::size_t entries() const { return offsets_.size(); }

  void finish(std::uint64_t tar_size, std::span<const archive::FramePoint> points) {
    format::FileFooter footer;
    footer.tar_size = tar_size;
    footer.offsets_at = position();
    footer.entries = static_cast<std::uint32_t>(offsets_.size());
    footer.frame_points = static_cast<std::uint32_t>(points.size());
    for (const le32 offset : offsets_) append_struct(offset);
    for (const archive::FramePoint& point : points) {
      format::FramePointRecord record;
      record.compressed = point.compressed;
      record.uncompressed = point.uncompressed;
      append_struct(record);
    }
    append(std::string_view{reinterpret_cast<const char*>(&footer), offsetof(format::FileFooter, checksum)});
    flush();
    footer.checksum = checksum_;
    append_struct(footer.checksum);
    append_struct(footer.magic);
    flush();
  }

 private:
  static constexpr std::size_t kFlush = 64 * 1024;

  void flush() {
    checksum_ = format::checksum(checksum_, as_bytes(buffer_));
    out_.write(as_bytes(buffer_));
    position_ += buffer_.size();
    buffer_.clear();
  }

  Sink& out_;
  std::uint64_t limit_;
  std::string buffer_;
  std::vector<le32> offsets_;
  std::uint64_t position_ = 0;
  std::uint64_t checksum_ = 0;
};

Kind kind_of(char type) {
  switch (type) {
    case '1':
      return Kind::hard_link;
    case '2':
      return Kind::symlink;
    case '3':
      return Kind::char_device;
    case '4':
      return Kind::block_device;
    case '5':
      return Kind::directory;
    case '6':
      return Kind::fifo;
    default:
      return Kind::regular;
  }
}

class Indexer {
 public:
  Indexer(Source& tar, Sink& out, const LayerLimits& limits)
      : limits_{limits}, limited_{tar, limits_}, tar_{limited_}, file_{out, limits.metadata} {}

  void run(const archive::FramePoints* points) {
    while (const TarEntry* entry = next()) {
      try {
        add(*entry);
      } catch (const Error& error) {
        if (limited_.failed()) throw;
        throw error.within("layer entry ", number_, " ", quote(entry->path));
      }
    }
    file_.finish(tar_.position(), points != nullptr ? points->all() : std::span<const archive::FramePoint>{});
  }

 private:
  const TarEntry* next() {
    ++number_;
    try {
      return tar_.next();
    } catch (const Error& error) {
      if (limited_.failed()) throw;
      throw error.within("layer entry ", number_);
    }
  }

  void add(const TarEntry& entry) {
    const Kind kind = kind_of(entry.type);
    const std::string path = clean_layer_path(entry.path);
    const std::string link = kind == Kind::hard_link ? clean_layer_path(entry.link)
                             : kind == Kind::symlink ? entry.link
                                                     : "";
    const Whiteout whiteout = classify_whiteout(path);
    check(entry, kind, path, link, whiteout);

    format::RecordHeader record;
    record.size = entry.size;
    record.mtime = static_cast<std::uint64_t>(entry.mtime);
    record.mtime_nsec = entry.mtime_nsec;
    record.uid = entry.uid;
    record.gid = entry.gid;
    record.user_name = name_offset(entry.user_name);
    record.group_name = name_offset(entry.group_name);
    record.mode = static_cast<std::uint16_t>(entry.mode);
    record.path_size = static_cast<std::uint16_t>(path.size());
    record.link_size = static_cast<std::uint16_t>(link.size());
    record.xattr_count = static_cast<std::uint16_t>(entry.xattrs.size());
    record.record_count = static_cast<std::uint16_t>(entry.records.size());
    record.path_spelling = spelling(path, entry.path);
    record.link_spelling = spelling(link, kind == Kind::hard_link ? entry.link : link);
    record.kind = static_cast<std::uint8_t>(kind);
    record.whiteout = static_cast<std::uint8_t>(whiteout);
    record.has_content = entry.size > 0;
    record.has_device = kind == Kind::char_device || kind == Kind::block_device;

    file_.begin_record();
    file_.append_struct(record);
    if (record.has_content != 0) append_content(entry);
    if (record.has_device != 0) {
      format::DeviceHeader device;
      device.major = entry.rdev_major;
      device.minor = entry.rdev_minor;
      file_.append_struct(device);
    }
    file_.append(path);
    file_.append(link);
    append_pairs(entry.xattrs);
    append_pairs(entry.records);
    if (record.path_spelling == format::kSpelledOut) append_spelled_out(entry.path);
    if (record.link_spelling == format::kSpelledOut) append_spelled_out(entry.link);
  }

  static std::uint8_t spelling(std::string_view cleaned, std::string_view written) {
    std::uint8_t how = 0;
    std::string_view rest = written;
    if (rest != cleaned && rest.starts_with("./")) {
      rest.remove_prefix(2);
      how |= format::kDotSlash;
    }
    if (rest != cleaned && rest.ends_with('/')) {
      rest.remove_suffix(1);
      how |= format::kTrailingSlash;
    }
    return rest == cleaned ? how : format::kSpelledOut;
  }

  void append_spelled_out(const std::string& text) {
    file_.append_struct(le16{static_cast<std::uint16_t>(text.size())});
    file_.append(text);
  }

  /// What cannot be part of an image, or is more than the limits allow.
  void check(const TarEntry& entry, Kind kind, std::string_view path, std::string_view link, Whiteout whiteout) const {
    if (file_.entries() >= limits_.entries) throw Error{"the layer has more than ", limits_.entries, " entries"};
    check_size("its path is", path.size(), std::min<std::size_t>(limits_.path, UINT16_MAX));
    check_size("its link target is", link.size(), std::min<std::size_t>(limits_.link, UINT16_MAX));
    std::size_t xattrs = 0;
    for (const auto& [name, value] : entry.xattrs) {
      xattrs += name.size() + value.size();
      check_size("the name of an extended attribute is", name.size(), kMaxXattrName);
    }
    check_size("its extended attributes are", xattrs, limits_.xattrs);
    std::size_t records = 0;
    for (const auto& [key, value] : entry.records) {
      records += key.size() + value.size();
      check_size("the key of a pax record is", key.size(), UINT16_MAX);
    }
    check_size("its further pax records are", records, limits_.xattrs);
    check_size("its path as written is", entry.path.size(), UINT16_MAX);
    check_size("its link target as written is", entry.link.size(), UINT16_MAX);
    if (entry.xattrs.size() > UINT16_MAX) throw Error{"it has ", entry.xattrs.size(), " extended attributes"};
    if (path.empty() && kind != Kind::directory) throw Error{"it would replace the image's root, which is a directory"};
    if (kind == Kind::symlink && link.empty()) throw Error{"it is a symlink without a target"};
    if (kind == Kind::hard_link && link.empty()) throw Error{"it is a hard link to the image's root"};
    if (whiteout == Whiteout::file) check_whiteout_name(whiteout_subject(path, whiteout).name);
  }

  static void check_size(std::string_view what, std::size_t size, std::size_t limit) {
    if (size > limit) throw Error{what, " ", size, " bytes long, at most ", limit, " are accepted"};
  }
  /// `.wh..` and `.wh...` would be about the directory itself and the one above it.
  static void check_whiteout_name(std::string_view name) {
    if (name.empty() || name == "." || name == "..")
      throw Error{"it is a whiteout of ", quote(name), ", which names no file"};
  }

  void append_content(const TarEntry& entry) {
    std::uint64_t stored = 0;
    for (const archive::TarExtent& extent : entry.extents) stored += extent.size;
    holes_ += entry.size - stored;
    if (holes_ > limits_.holes)
      throw Error{"the layer's sparse files have holes of more than ", limits_.holes, " bytes"};

    format::ContentHeader content;
    const Sha256 digest = hash_content(entry);
    std::copy_n(reinterpret_cast<const unsigned char*>(digest.bytes.data()), sizeof content.digest, content.digest);
    content.extent_count = static_cast<std::uint32_t>(entry.extents.size());
    file_.append_struct(content);
    for (const archive::TarExtent& extent : entry.extents) {
      format::ExtentRecord record;
      record.file_offset = extent.file_offset;
      record.tar_offset = extent.tar_offset;
      record.size = extent.size;
      file_.append_struct(record);
    }
  }

  Sha256 hash_content(const TarEntry& entry) {
    std::uint64_t at = 0;
    for (const archive::TarExtent& extent : entry.extents) {
      hash_zeros(extent.file_offset - at);
      hash_stored(extent.size);
      at = extent.file_offset + extent.size;
    }
    hash_zeros(entry.size - at);
    return hasher_.finish();
  }

  /// A piece may reach into the next extent, as extents lie one after the other in the tar; the rest is kept for it.
  void hash_stored(std::uint64_t size) {
    while (size > 0) {
      if (piece_.empty()) piece_ = tar_.read();
      const Bytes part = piece_.first(static_cast<std::size_t>(std::min<std::uint64_t>(size, piece_.size())));
      hasher_.update(part);
      piece_ = piece_.subspan(part.size());
      size -= part.size();
    }
  }

  void hash_zeros(std::uint64_t size) {
    static constexpr std::byte kZeros[64 * 1024] = {};
    for (; size > sizeof kZeros; size -= sizeof kZeros) hasher_.update(Bytes{kZeros});
    if (size > 0) hasher_.update(Bytes{kZeros}.first(static_cast<std::size_t>(size)));
  }

  void append_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
    for (const auto& [name, value] : pairs) {
      format::XattrHeader sizes;
      sizes.name_size = static_cast<std::uint16_t>(name.size());
      sizes.value_size = static_cast<std::uint32_t>(value.size());
      file_.append_struct(sizes);
      file_.append(name);
      file_.append(value);
    }
  }

  /// Where the name stands in the file; writes it there when it is new.
  std::uint32_t name_offset(const std::string& name) {
    if (name.empty()) return 0;
    const auto known = names_.find(name);
    if (known != names_.end()) return known->second;
    check_size("the name of its user or group is", name.size(), limits_.path);
    const std::uint64_t offset = file_.position();
    if (offset > std::numeric_limits<std::uint32_t>::max()) throw Error{"the layer's metadata is too large"};
    file_.append_struct(le16{static_cast<std::uint16_t>(name.size())});
    file_.append(name);
    if (names_.size() < kMaxRemembered) names_.emplace(name, static_cast<std::uint32_t>(offset));
    return static_cast<std::uint32_t>(offset);
  }

  LayerLimits limits_;
  LimitedTar limited_;
  TarReader tar_;
  IndexFile file_;
  Sha256Hasher hasher_;
  Bytes piece_;  ///< of the current file's content, read but not hashed yet
  std::unordered_map<std::string, std::uint32_t> names_;
  std::uint64_t holes_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace

void write_layer_index(Source& tar, Sink& out, const LayerLimits& limits, const archive::FramePoints* points) {
  Indexer{tar, out, limits}.run(points);
}

}  // namespace kiln::tree
