#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/errno.h"
#include "base/unique_fd.h"

namespace guest {

/// A log file of bounded size: when it would grow past the limit it is renamed to PATH.1 (replacing the one before) and
/// begun anew, so that a container that prints without end takes two limits of /var at most.
class LogFile {
 public:
  static constexpr std::size_t kDefaultLimit = std::size_t{1} << 20;

  LogFile() = default;
  LogFile(std::string path, std::size_t limit = kDefaultLimit) : path_(std::move(path)), limit_(limit) {}

  /// Opens for appending; the content of an earlier run stays and counts.
  Errno open();
  /// Appends, rotating first where needed. Data that cannot be written (disk full, no directory) is dropped.
  void append(std::string_view data);
  const std::string& path() const { return path_; }

 private:
  void rotate();

  std::string path_;
  std::size_t limit_ = kDefaultLimit;
  std::size_t size_ = 0;
  UniqueFd fd_;
};

}  // namespace guest
