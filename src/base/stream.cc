#include "base/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace kiln {

std::size_t MemorySource::read(MutableBytes into) {
  const std::size_t size = std::min(into.size(), rest_.size());
  if (size > 0) std::memcpy(into.data(), rest_.data(), size);
  rest_ = rest_.subspan(size);
  return size;
}

std::size_t LimitedSource::read(MutableBytes into) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
  if (size == 0) return 0;
  const std::size_t got = from_.read(into.first(size));
  left_ -= got;
  return got;
}

std::size_t FdSource::read(MutableBytes into) {
  for (;;) {
    const ssize_t got = ::read(fd_, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw SysError{errno, "reading ", quote(name_)};
  }
}

void FdSink::write(Bytes data) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd_, data.data(), data.size());
    if (put >= 0) {
      data = data.subspan(static_cast<std::size_t>(put));
    } else if (errno != EINTR) {
      throw SysError{errno, "writing ", quote(name_)};
    }
  }
}

std::size_t read_full(Source& from, MutableBytes into) {
  std::size_t size = 0;
  while (size < into.size()) {
    const std::size_t got = from.read(into.subspan(size));
    if (got == 0) break;
    size += got;
  }
  return size;
}

std::uint64_t copy(Source& from, Sink& to) {
  std::vector<std::byte> buffer(128 * 1024);
  std::uint64_t total = 0;
  while (const std::size_t got = from.read(buffer)) {
    to.write(Bytes{buffer}.first(got));
    total += got;
  }
  return total;
}

std::string read_text(Source& from, std::size_t limit, std::string_view name) {
  LimitedSource limited{from, limit + 1};
  StringSink sink;
  if (copy(limited, sink) > limit) throw Error{"reading ", quote(name), ": it is larger than ", limit, " bytes"};
  return sink.take();
}

}  // namespace kiln
