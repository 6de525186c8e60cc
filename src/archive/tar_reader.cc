#include "archive/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "archive/pax.h"
#include "archive/tar_block.h"
#include "archive/tar_input.h"
#include "archive/tar_sparse.h"
#include "archive/xattr_record.h"

namespace kiln::archive {
namespace {

constexpr std::uint64_t kBlock = 512;
// Long names and pax records of one entry; Go's limit. It bounds the memory a hostile tar can claim.
constexpr std::uint64_t kMaxExtendedHeader = 1 << 20;
// Global records are looked at again for every entry.
constexpr std::size_t kMaxGlobals = 64 << 10;

std::uint64_t padding(std::uint64_t size) { return (kBlock - size % kBlock) % kBlock; }

template <typename T>
T narrowed(std::uint64_t value, std::string_view what) {
  if (value > std::numeric_limits<T>::max()) throw Error{what, " is ", value, ", which is too large"};
  return static_cast<T>(value);
}

template <std::size_t N>
std::uint64_t unsigned_field(const char (&field)[N], std::string_view what) {
  const auto value = tar_number(field);
  if (!value && (field[0] & 0x80) != 0) throw Error{"its ", what, " is too large"};
  if (!value) throw Error{"its ", what, " is not a number: ", quote(tar_text(field))};
  if (*value < 0) throw Error{"its ", what, " is negative"};
  return static_cast<std::uint64_t>(*value);
}

std::uint64_t unsigned_record(const PaxRecord& record) {
  const auto value = parse_decimal(record.value);
  if (!value) throw Error{"pax record ", record.key, ": expected a number, got ", quote(record.value.substr(0, 32))};
  return *value;
}

void check_charset(std::string_view value) {
  // Names are bytes to us; both of these mean that they can be taken as they are.
  if (value != "BINARY" && value != "ISO-IR 10646 2000 UTF-8")
    throw Error{"pax record hdrcharset is ", quote(value.substr(0, 64)), ", expected BINARY or UTF-8"};
}

/// What the records say that the ustar header cannot.
void apply_record(TarEntry& entry, std::uint64_t& stored_size, const PaxRecord& record) {
  const auto& [key, value] = record;
  if (key == "path") entry.path = value;
  if (key == "linkpath") entry.link = value;
  if (key == "uname") entry.user_name = value;
  if (key == "gname") entry.group_name = value;
  if (key == "size") stored_size = unsigned_record(record);
  if (key == "uid") entry.uid = narrowed<std::uint32_t>(unsigned_record(record), "uid");
  if (key == "gid") entry.gid = narrowed<std::uint32_t>(unsigned_record(record), "gid");
  if (key == "SCHILY.devmajor")
    entry.rdev_major = narrowed<std::uint32_t>(unsigned_record(record), "major device number");
  if (key == "SCHILY.devminor")
    entry.rdev_minor = narrowed<std::uint32_t>(unsigned_record(record), "minor device number");
  if (key == "hdrcharset") check_charset(value);
  if (key == "mtime") {
    const auto time = parse_pax_time(value);
    if (!time) throw Error{"pax record mtime: expected a time, got ", quote(value.substr(0, 32))};
    entry.mtime = time->seconds;
    entry.mtime_nsec = time->nanoseconds;
  }
}

/// The value of a record that is kept for its own sake: of times the shortest form, as every writer gives them.
std::string foreign_value(const PaxRecord& record) {
  if (record.key == "atime" || record.key == "ctime") {
    if (const auto time = parse_pax_time(record.value)) return format_pax_time(*time);
  }
  return std::string{record.value};
}

bool is_foreign(const PaxRecord& record) {
  static constexpr std::string_view kFields[] = {"path",  "linkpath", "size",  "uid",       "gid",
                                                 "uname", "gname",    "mtime", "hdrcharset"};
  return !record.value.empty() && !record.key.starts_with("SCHILY.xattr.") && !record.key.starts_with("GNU.sparse.") &&
         std::find(std::begin(kFields), std::end(kFields), record.key) == std::end(kFields);
}

std::vector<std::pair<std::string, std::string>> foreign_records(const std::vector<PaxRecord>& records) {
  std::map<std::string, std::string> foreign;
  for (const PaxRecord& record : records)
    if (is_foreign(record)) foreign.insert_or_assign(std::string{record.key}, foreign_value(record));
  return {foreign.begin(), foreign.end()};
}

void check_checksum(const TarBlock& block) {
  const auto stored = tar_number(block.checksum);
  const TarChecksums sums = tar_checksums(block);
  if (stored && (*stored == sums.as_unsigned || *stored == sums.as_signed)) return;
  if (!stored) throw Error{"its checksum is not a number, expected ", sums.as_unsigned};
  throw Error{"its checksum is ", *stored, ", expected ", sums.as_unsigned};
}

void assign_path(std::string& path, const TarBlock& block, TarBlock::Dialect dialect) {
  const std::string_view name = tar_text(block.name);
  std::string_view prefix;
  if (dialect == TarBlock::Dialect::ustar) prefix = tar_text(block.prefix);
  if (dialect == TarBlock::Dialect::star) prefix = tar_text(block.prefix).substr(0, 131);  // times follow it
  path = prefix;
  if (!prefix.empty()) path += '/';
  path += name;
}

std::string describe_type(char type) {
  switch (type) {
    case 'D':
      return "'D' (GNU directory listing of an incremental backup)";
    case 'M':
      return "'M' (GNU continuation of a file from another volume)";
    case 'V':
      return "'V' (GNU volume label)";
    case 'X':
      return "'X' (Solaris extended header)";
    default:
      return quote({&type, 1});
  }
}

}  // namespace

class TarReader::Parser {
 public:
  explicit Parser(Source& from) : input_{from} {}

  const TarEntry* next() {
    if (ended_) return nullptr;
    skip_content();
    entry_.offset = input_.position();
    header_ = entry_.offset;
    try {
      return read_entry() ? &entry_ : nullptr;
    } catch (const Error& error) {
      if (input_.source_failed()) throw;  // it is not about the header
      throw error.within("tar header at byte ", header_);
    }
  }

  Bytes read() {
    if (stored_left_ == 0) return {};
    const Bytes bytes = input_.take_some(stored_left_);
    if (bytes.empty()) throw cut_off();
    stored_left_ -= bytes.size();
    return bytes;
  }

  std::uint64_t position() const { return input_.position(); }

 private:
  Error cut_off() const {
    return Error{"the tar is cut off at byte ", input_.position(), ", in the content of ", quote(entry_.path)};
  }

  void skip_content() {
    if (input_.skip(stored_left_) < stored_left_) throw cut_off();
    stored_left_ = 0;
    if (input_.skip(padding_) < padding_) throw cut_off();
    padding_ = 0;
  }

  /// Extended headers and the header they belong to; false at the end of the tar.
  bool read_entry() {
    long_path_.reset();
    long_link_.reset();
    local_text_.clear();
    for (;;) {
      header_ = input_.position();
      if (!read_block()) return false;
      check_checksum(block_);
      switch (block_.type) {
        case 'x':
          local_text_ = read_extended_header();
          break;
        case 'g':
          add_global(read_extended_header());
          break;
        case 'L':
          long_path_ = read_long_name();
          break;
        case 'K':
          long_link_ = read_long_name();
          break;
        default:
          finish_entry();
          return true;
      }
    }
  }

  /// The next header block; false where the tar ends: at a zero block (one is enough, as for GNU tar) or, if nothing
  /// is pending, where the source does.
  bool read_block() {
    const Bytes bytes = input_.take_block(sizeof block_);
    const bool pending = header_ != entry_.offset;
    if (bytes.size() == sizeof block_) {
      std::memcpy(&block_, bytes.data(), sizeof block_);
      if (!block_.is_zero()) return true;
    } else if (!bytes.empty()) {
      throw Error{"it is cut off after ", bytes.size(), " bytes"};
    }
    if (pending) throw Error{"the tar ends after an extended header that belongs to no entry"};
    input_.skip(std::numeric_limits<std::uint64_t>::max());
    ended_ = true;
    return false;
  }

  std::string read_extended_header() {
    const std::uint64_t size = unsigned_field(block_.size, "size");
    if (size > kMaxExtendedHeader)
      throw Error{"the extended header has ", size, " bytes, at most ", kMaxExtendedHeader, " are accepted"};
    std::string data;
    while (data.size() < size) {
      const Bytes some = input_.take_some(size - data.size());
      if (some.empty()) throw Error{"the tar is cut off in an extended header"};
      data += as_text(some);
    }
    if (input_.skip(padding(size)) < padding(size)) throw Error{"the tar is cut off in an extended header"};
    return data;
  }

  std::string read_long_name() {
    std::string name = read_extended_header();
    name.resize(std::min(name.find('\0'), name.size()));
    return name;
  }

  /// A global record replaces an older one of its key; an empty one removes it.
  void add_global(const std::string& data) {
    for (const PaxRecord& record : parse_pax_records(data)) {
      globals_.erase(std::string{record.key});
      if (!record.value.empty()) globals_.emplace(record.key, record.value);
    }
    std::size_t size = 0;
    for (const auto& [key, value] : globals_) size += key.size() + value.size();
    if (size > kMaxGlobals)
      throw Error{"the global pax headers have ", size, " bytes, at most ", kMaxGlobals, " are accepted"};
  }

  void finish_entry() {
    const TarBlock::Dialect dialect = block_.dialect();
    std::uint64_t stored_size = unsigned_field(block_.size, "size");
    assign_fields(dialect);
    const std::vector<PaxRecord> records = effective_records();
    for (const PaxRecord& record : records)
      if (!record.value.empty()) apply_record(entry_, stored_size, record);
    entry_.xattrs = xattrs_of(records);
    entry_.records = foreign_records(records);
    if (long_path_) entry_.path = *long_path_;
    if (long_link_) entry_.link = *long_link_;
    normalise_type();
    assign_content(records, entry_.type == '0' ? stored_size : 0);
    check_text();
  }

  void assign_fields(TarBlock::Dialect dialect) {
    assign_path(entry_.path, block_, dialect);
    entry_.type = block_.type;
    entry_.link = tar_text(block_.link);
    entry_.mode = static_cast<std::uint32_t>(unsigned_field(block_.mode, "mode") & 07777);
    entry_.uid = narrowed<std::uint32_t>(unsigned_field(block_.uid, "uid"), "uid");
    entry_.gid = narrowed<std::uint32_t>(unsigned_field(block_.gid, "gid"), "gid");
    const auto mtime = tar_number(block_.mtime);
    if (!mtime) throw Error{"its mtime is not a number: ", quote(tar_text(block_.mtime))};
    entry_.mtime = *mtime;
    entry_.mtime_nsec = 0;
    const bool extended = dialect != TarBlock::Dialect::v7;
    const bool device = extended && (block_.type == '3' || block_.type == '4');
    entry_.user_name = extended ? tar_text(block_.user_name) : "";
    entry_.group_name = extended ? tar_text(block_.group_name) : "";
    entry_.rdev_major =
        device ? narrowed<std::uint32_t>(unsigned_field(block_.dev_major, "major device number"), "major device number")
               : 0;
    entry_.rdev_minor =
        device ? narrowed<std::uint32_t>(unsigned_field(block_.dev_minor, "minor device number"), "minor device number")
               : 0;
  }

  /// Global records not overridden by the entry's own, then these.
  std::vector<PaxRecord> effective_records() const {
    std::vector<PaxRecord> local = parse_pax_records(local_text_);
    if (globals_.empty()) return local;
    std::set<std::string_view> overridden;
    for (const PaxRecord& record : local) overridden.insert(record.key);
    std::vector<PaxRecord> records;
    for (const auto& [key, value] : globals_)
      if (!overridden.contains(key)) records.push_back({key, value});
    records.insert(records.end(), local.begin(), local.end());
    return records;
  }

  void normalise_type() {
    char& type = entry_.type;
    if (type == '\0' || type == '7') type = '0';
    // Before ustar there was no type for directories: a file's name ended in a slash.
    if (type == '0' && entry_.path.ends_with('/')) type = '5';
    const bool known = (type >= '0' && type <= '6') || type == 'S';
    if (!known) throw Error{"unknown type ", describe_type(type), " of ", quote(entry_.path)};
    sparse_gnu_ = type == 'S';
    if (sparse_gnu_) type = '0';
  }

  void assign_content(const std::vector<PaxRecord>& records, std::uint64_t stored_size) {
    entry_.extents.clear();
    entry_.size = stored_size;
    // Links, devices and directories have no content, whatever their size field says.
    if (entry_.type != '0') return;
    if (stored_size > std::numeric_limits<std::int64_t>::max() - input_.position())
      throw Error{"size ", stored_size, " is too large"};
    if (sparse_gnu_) return assign_sparse(read_old_gnu_sparse(block_, input_), stored_size);
    if (auto map = read_pax_sparse(records, stored_size, input_)) return assign_sparse(*map, stored_size);
    if (stored_size > 0) entry_.extents.push_back({0, input_.position(), stored_size});
    expect_content(stored_size);
  }

  void assign_sparse(const SparseMap& map, std::uint64_t stored_size) {
    const std::uint64_t data_size = stored_size - map.bytes_in_data;
    check_sparse_map(map, data_size);
    if (!map.path.empty()) entry_.path = map.path;
    entry_.size = map.real_size;
    std::uint64_t at = input_.position();
    for (const SparseRegion& region : map.regions) {
      if (region.size > 0) entry_.extents.push_back({region.offset, at, region.size});
      at += region.size;
    }
    expect_content(data_size);
  }

  void expect_content(std::uint64_t size) {
    stored_left_ = size;
    padding_ = padding(size);
  }

  void check_text() const {
    for (const std::string* text : {&entry_.path, &entry_.link, &entry_.user_name, &entry_.group_name})
      if (text->find('\0') != std::string::npos)
        throw Error{"a name in it contains a NUL: ", quote(text->substr(0, 200))};
  }

  TarInput input_;
  TarBlock block_ = {};
  TarEntry entry_;
  std::uint64_t header_ = 0;  ///< where the block under examination begins
  std::optional<std::string> long_path_, long_link_;
  std::string local_text_;  ///< data of the entry's own pax header
  std::map<std::string, std::string> globals_;
  bool sparse_gnu_ = false;
  std::uint64_t stored_left_ = 0;
  std::uint64_t padding_ = 0;
  bool ended_ = false;
};

TarReader::TarReader(Source& from) : parser_{std::make_unique<Parser>(from)} {}
TarReader::~TarReader() = default;
const TarEntry* TarReader::next() { return parser_->next(); }
Bytes TarReader::read() { return parser_->read(); }
std::uint64_t TarReader::position() const { return parser_->position(); }

}  // namespace kiln::archive
