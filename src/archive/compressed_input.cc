#include "archive/compressed_input.h"

#include <algorithm>

namespace kiln::archive {

Bytes CompressedInput::head(std::size_t size) {
  if (begin_ > 0 && end_ - begin_ < size) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ - begin_ < size) {
    const std::size_t got = from_.read(MutableBytes{buffer_}.subspan(end_));
    if (got == 0) break;
    end_ += got;
  }
  return Bytes{buffer_}.subspan(begin_, std::min(size, end_ - begin_));
}

void CompressedInput::refill() {
  begin_ = 0;
  end_ = from_.read(buffer_);
}

void CompressedInput::expect_only_padding(std::string_view format) {
  for (Bytes rest = available(); !rest.empty(); rest = available()) {
    const auto other = std::find_if(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{0}; });
    consume(static_cast<std::size_t>(other - rest.begin()));
    if (other == rest.end()) continue;
    if (other_data_) return;
    throw Error{name_, ": ", format, " stream ends at byte ", position_, ", but other data follows it"};
  }
}

Error CompressedInput::truncated(std::string_view format) const {
  return Error{name_, ": ", format, " stream is cut off at byte ", position_};
}

Error CompressedInput::damaged(std::string_view format, std::string_view reason) const {
  return Error{name_, ": ", format, " stream is damaged at byte ", position_, ": ", reason};
}

Error CompressedInput::damaged_after(std::string_view format, std::string_view reason) const {
  return Error{name_, ": ", format, " stream is damaged at or after byte ", position_, ": ", reason};
}

}  // namespace kiln::archive
