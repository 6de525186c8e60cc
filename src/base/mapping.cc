#include "base/mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace kiln {

Mapping::Mapping(const std::filesystem::path& path) {
  UniqueFd fd = open_file(path);
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) throw SysError{errno, "reading ", quote(path.native())};
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) throw SysError{errno, "mapping ", quote(path.native())};
  bytes_ = Bytes{static_cast<const std::byte*>(address), size};
}

Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_{std::exchange(other.bytes_, {})} {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace kiln
