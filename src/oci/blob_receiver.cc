#include "oci/blob_receiver.h"

#include <algorithm>
#include <charconv>

namespace kiln::oci {
namespace {

/// Takes a number off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view header) {
  if (!take(header, "bytes ")) return std::nullopt;
  const auto first = take_number(header);
  if (!first || !take(header, "-")) return std::nullopt;
  const auto last = take_number(header);
  if (!last || *last < *first || !take(header, "/")) return std::nullopt;
  if (header == "*") return ContentRange{*first, *last, std::nullopt};
  const auto total = take_number(header);
  if (!total || !header.empty() || *total <= *last) return std::nullopt;
  return ContentRange{*first, *last, total};
}

std::string BlobReceiver::range() const {
  return ranges_ && position_ > 0 ? concat("Range: bytes=", position_, "-") : std::string{};
}

void BlobReceiver::begin(const http::Reply& reply) {
  skip_ = position_;
  if (reply.status != 206) {
    const std::string length = reply.header("content-length");
    std::string_view rest = length;
    const auto total = take_number(rest);
    if (total && *total != size_) throw Error{"the registry has ", *total, " bytes, expected ", size_};
    return;
  }
  const auto part = parse_content_range(reply.header("content-range"));
  if (!part || part->first != position_) {
    throw Error{"asked for the bytes from ", position_, " on, the registry sends ",
                quote(reply.header("content-range"))};
  }
  if (part->total && *part->total != size_) throw Error{"the registry has ", *part->total, " bytes, expected ", size_};
  skip_ = 0;
}

void BlobReceiver::write(Bytes data) {
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, data.size()));
  skip_ -= skipped;
  data = data.subspan(skipped);
  if (data.size() > size_ - position_) throw Error{"the registry sends more than the expected ", size_, " bytes"};
  if (data.empty()) return;
  to_.write(data);
  position_ += data.size();
}

}  // namespace kiln::oci
