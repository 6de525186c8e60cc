#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/unique_fd.h"

namespace kiln::tftp {

/// What is served under a name: memory, or a range of an open file. Cheap to copy; what it is made of is shared and
/// lives until the last transfer of it has ended, whatever happens to the name in the meantime.
class File {
 public:
  explicit File(std::shared_ptr<const std::string> text);
  /// Of a regular file. If it has become shorter when it is read, the transfer ends with an error.
  File(std::shared_ptr<const UniqueFd> file, std::uint64_t offset, std::uint64_t size);

  std::uint64_t size() const { return size_; }

  /// The bytes from `offset` on if they are in memory anyway, empty otherwise.
  Bytes view(std::uint64_t offset, std::size_t size) const;
  /// Reads exactly into.size() bytes from `offset` on, which must be within the file. Throws Error.
  void read(std::uint64_t offset, MutableBytes into) const;

 private:
  std::variant<std::shared_ptr<const std::string>, std::shared_ptr<const UniqueFd>> source_;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace kiln::tftp
