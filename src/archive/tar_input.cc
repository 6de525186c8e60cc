#include "archive/tar_input.h"

#include <cstring>

namespace kiln::archive {

bool TarInput::refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  source_failed_ = true;
  const std::size_t got = from_.read(MutableBytes{buffer_}.subspan(end_));
  source_failed_ = false;
  end_ += got;
  return got > 0;
}

}  // namespace kiln::archive
