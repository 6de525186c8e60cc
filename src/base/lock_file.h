#pragma once

#include <filesystem>
#include <optional>
#include <utility>

#include "base/unique_fd.h"

namespace kiln {

/// A lock between processes on a file that is created if absent and never removed. Released at the end of its life,
/// or by the kernel when the process dies.
class LockFile {
 public:
  enum class Mode { shared, exclusive };
  /// Waits for the lock. Throws SysError.
  LockFile(const std::filesystem::path& path, Mode mode);
  /// Nothing if someone else has it. Throws SysError.
  static std::optional<LockFile> try_lock(const std::filesystem::path& path, Mode mode);

 private:
  explicit LockFile(UniqueFd fd) : fd_{std::move(fd)} {}
  UniqueFd fd_;
};

}  // namespace kiln
