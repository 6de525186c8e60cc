#pragma once

#include "http/client.h"

namespace kiln::oci {

// Internal to this folder.

/// Puts the answers to several requests for parts of one blob together into one stream without gaps or repetition.
class BlobReceiver final : public Sink {
 public:
  BlobReceiver(std::uint64_t size, std::uint64_t offset, Sink& to) : size_{size}, position_{offset}, to_{to} {}

  std::uint64_t position() const { return position_; }  ///< the next byte that is wanted
  bool complete() const { return position_ == size_; }

  /// The Range header for the next request, or empty.
  std::string range() const;
  void ask_for_ranges() { ranges_ = true; }
  /// The registry will not have ranges: ask for everything and skip what we have.
  void give_up_ranges() { ranges_ = false; }

  /// Looks at the headers of a good reply. Throws Error if they announce another blob than the one expected.
  void begin(const http::Reply& reply);
  void write(Bytes data) override;  ///< throws Error as soon as there is more than the blob has

 private:
  std::uint64_t size_;
  std::uint64_t position_;
  std::uint64_t skip_ = 0;
  bool ranges_ = true;
  Sink& to_;
};

/// A Content-Range header, "bytes FIRST-LAST/TOTAL" (RFC 9110 §14.4).
struct ContentRange {
  std::uint64_t first = 0, last = 0;
  std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view header);

}  // namespace kiln::oci
