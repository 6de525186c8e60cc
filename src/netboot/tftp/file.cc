#include "netboot/tftp/file.h"

#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace kiln::tftp {

File::File(std::shared_ptr<const std::string> text) : source_{std::move(text)} {
  size_ = std::get<std::shared_ptr<const std::string>>(source_)->size();
}

File::File(std::shared_ptr<const UniqueFd> file, std::uint64_t offset, std::uint64_t size)
    : source_{std::move(file)}, offset_{offset}, size_{size} {}

Bytes File::view(std::uint64_t offset, std::size_t size) const {
  assert(offset <= size_ && size <= size_ - offset);
  const auto* text = std::get_if<std::shared_ptr<const std::string>>(&source_);
  if (text == nullptr) return {};
  return as_bytes(std::string_view{**text}.substr(offset, size));
}

void File::read(std::uint64_t offset, MutableBytes into) const {
  assert(offset <= size_ && into.size() <= size_ - offset);
  if (const Bytes bytes = view(offset, into.size()); !bytes.empty()) {
    std::memcpy(into.data(), bytes.data(), bytes.size());
    return;
  }
  const auto* file = std::get_if<std::shared_ptr<const UniqueFd>>(&source_);
  while (!into.empty()) {
    const ssize_t got = ::pread((*file)->get(), into.data(), into.size(), static_cast<off_t>(offset_ + offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw SysError{errno, "reading the file"};
    if (got == 0) throw Error{"the file has become shorter while it was sent"};
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace kiln::tftp
