#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/stream.h"

namespace kiln::archive {

/// The compressed bytes a decoder consumes, buffered, with the position that its errors name.
class CompressedInput {
 public:
  CompressedInput(Source& from, std::string name) : from_{from}, name_{std::move(name)}, buffer_(kBufferSize) {}

  /// The next bytes, without consuming them: `size` of them unless the input ends before.
  Bytes head(std::size_t size);

  /// Bytes not consumed yet, read from the source if there are none; empty only at the end.
  Bytes available() {
    if (begin_ == end_) refill();
    return Bytes{buffer_}.subspan(begin_, end_ - begin_);
  }
  void consume(std::size_t size) {
    begin_ += size;
    position_ += size;
  }
  std::uint64_t position() const { return position_; }  ///< bytes consumed so far

  /// What may follow the last frame: nothing, or zeros (tape padding) to the end. Throws for anything else, unless
  /// allow_other_data() was called: it then stops there.
  void expect_only_padding(std::string_view format);
  /// The input is a series of streams, and whoever reads it looks what comes after each.
  void allow_other_data() { other_data_ = true; }

  Error truncated(std::string_view format) const;
  Error damaged(std::string_view format, std::string_view reason) const;
  Error damaged_after(std::string_view format, std::string_view reason) const;  ///< here or in what is available()

 private:
  static constexpr std::size_t kBufferSize = 128 * 1024;

  void refill();

  Source& from_;
  std::string name_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;
  bool other_data_ = false;
};

}  // namespace kiln::archive
