#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/errno.h"
#include "base/unique_fd.h"

namespace guest {

/// Enough for every file of /proc and /sys and every configuration the guest reads.
inline constexpr std::size_t kMaxFileSize = std::size_t{4} << 20;

/// Reads the whole file at `path` into `content`. EFBIG if it is larger than `max` bytes.
Errno read_file(const std::string& path, std::string& content, std::size_t max = kMaxFileSize);

/// The trimmed content of a small file, or an empty string if it cannot be read.
std::string read_value(const std::string& path);

/// Writes `content` to an existing file (of /proc or /sys, usually) in one write.
Errno write_value(const std::string& path, std::string_view content);

/// Replaces the file at `path` by `content`, atomically: a temporary beside it, then rename(2).
Errno replace_file(const std::string& path, std::string_view content, mode_t mode = 0644);

/// mkdir -p: creates `path` and its missing parents with mode 0755. Existing directories are fine.
Errno make_directories(const std::string& path);

/// The names in a directory without `.` and `..`, sorted bytewise. A missing directory has none.
std::vector<std::string> list_directory(const std::string& path);

bool exists(const std::string& path);
bool is_directory(const std::string& path);

/// A read-only mapping of a whole file; empty if it could not be mapped or has no content.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  static Errno open(const std::string& path, Mapping& mapping);
  std::string_view text() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace guest
