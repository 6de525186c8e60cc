#include "archive/tar_sparse.h"

#include <algorithm>

#include "base/error.h"

namespace kiln::archive {
namespace {

// 1 TiB of 1 MiB holes and 1 MiB of data between them is half of this.
constexpr std::size_t kMaxRegions = 1'000'000;

std::uint64_t number_of(std::optional<std::int64_t> value) {
  if (!value || *value < 0) throw Error{"sparse map contains an invalid number"};
  return static_cast<std::uint64_t>(*value);
}

std::uint64_t number_of(std::string_view text) {
  const auto value = parse_decimal(text);
  if (!value) throw Error{"sparse map: expected a number, got ", quote(text.substr(0, 32))};
  return *value;
}

void add_region(SparseMap& map, SparseRegion region) {
  if (map.regions.size() == kMaxRegions) throw Error{"sparse map has more than ", kMaxRegions, " regions"};
  map.regions.push_back(region);
}

/// The used elements; the first with an empty offset field ends the list.
template <std::size_t N>
void add_regions(SparseMap& map, const GnuSparse (&list)[N]) {
  for (const GnuSparse& element : list) {
    if (element.offset[0] == '\0') return;
    add_region(map, {number_of(tar_number(element.offset)), number_of(tar_number(element.size))});
  }
}

/// Format 1.0: decimal numbers, each ended by a newline, padded to a block; first how many pairs follow.
class MapInData {
 public:
  MapInData(TarInput& input, std::uint64_t stored_size) : input_{input}, left_{stored_size} {}

  std::uint64_t number() {
    std::string digits;
    for (char c = next(); c != '\n'; c = next()) {
      if (digits.size() == 20) throw Error{"sparse map contains a number of more than 20 digits"};
      digits += c;
    }
    return number_of(digits);
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  char next() {
    if (at_ == sizeof block_) refill();
    return block_[at_++];
  }
  void refill() {
    if (left_ < sizeof block_) throw Error{"sparse map is longer than the entry's content"};
    const Bytes block = input_.take_block(sizeof block_);
    if (block.size() < sizeof block_) throw Error{"the tar is cut off in a sparse map"};
    std::copy_n(as_text(block).begin(), sizeof block_, block_);
    left_ -= sizeof block_;
    bytes_ += sizeof block_;
    at_ = 0;
  }

  TarInput& input_;
  std::uint64_t left_;
  std::uint64_t bytes_ = 0;
  char block_[512];
  std::size_t at_ = sizeof block_;
};

void read_map_in_data(SparseMap& map, std::uint64_t stored_size, TarInput& input) {
  MapInData data{input, stored_size};
  for (std::uint64_t count = data.number(); count > 0; --count) {
    const std::uint64_t offset = data.number();
    add_region(map, {offset, data.number()});
  }
  map.bytes_in_data = data.bytes();
}

/// Format 0.1: "OFFSET,SIZE,OFFSET,SIZE…".
void parse_map(SparseMap& map, std::string_view text) {
  map.regions.clear();
  const auto number = [&] {
    const std::size_t comma = text.find(',');
    const std::uint64_t value = number_of(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return value;
  };
  while (!text.empty()) {
    const std::uint64_t offset = number();
    add_region(map, {offset, number()});
  }
}

}  // namespace

SparseMap read_old_gnu_sparse(const TarBlock& block, TarInput& input) {
  const auto& tail = *reinterpret_cast<const GnuTail*>(block.prefix);
  SparseMap map;
  map.real_size = number_of(tar_number(tail.real_size));
  add_regions(map, tail.sparse);
  for (bool more = tail.is_extended != 0; more;) {
    const Bytes bytes = input.take_block(sizeof(GnuSparseBlock));
    if (bytes.size() < sizeof(GnuSparseBlock)) throw Error{"the tar is cut off in a sparse map"};
    const auto& extension = *reinterpret_cast<const GnuSparseBlock*>(bytes.data());
    add_regions(map, extension.sparse);
    more = extension.is_extended != 0;
  }
  return map;
}

std::optional<SparseMap> read_pax_sparse(const std::vector<PaxRecord>& records, std::uint64_t stored_size,
                                         TarInput& input) {
  constexpr std::string_view kPrefix = "GNU.sparse.";
  SparseMap map;
  bool sparse = false, in_data = false;
  for (const auto& [key, value] : records) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string_view what = key.substr(kPrefix.size());
    if (what == "major") in_data = value == "1";
    if (what == "name") map.path = value;
    if (what == "size" || what == "realsize") map.real_size = number_of(value);
    if (what == "map") parse_map(map, value);
    if (what == "offset") add_region(map, {number_of(value), 0});
    if (what == "numbytes") {
      if (map.regions.empty()) throw Error{"sparse map: GNU.sparse.numbytes without GNU.sparse.offset"};
      map.regions.back().size = number_of(value);
    }
    sparse = true;
  }
  if (!sparse) return std::nullopt;
  if (in_data) read_map_in_data(map, stored_size, input);
  return map;
}

void check_sparse_map(const SparseMap& map, std::uint64_t stored_size) {
  std::uint64_t end = 0, sum = 0;
  for (const SparseRegion& region : map.regions) {
    const auto region_end = checked_add(region.offset, region.size);
    if (region.offset < end || !region_end || *region_end > map.real_size)
      throw Error{"sparse map: region at ",
                  region.offset,
                  " of ",
                  region.size,
                  " bytes overlaps the one before or exceeds the size ",
                  map.real_size};
    end = *region_end;
    sum += region.size;  // at most real_size, as regions do not overlap
  }
  if (sum != stored_size) throw Error{"sparse map: its regions have ", sum, " bytes, but ", stored_size, " are stored"};
}

}  // namespace kiln::archive
