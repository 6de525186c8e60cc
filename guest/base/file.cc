#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/text.h"

namespace guest {

Errno read_file(const std::string& path, std::string& content, std::size_t max) {
  content.clear();
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return Errno::last();
  // Files of /proc and /sys report no useful size, so read until the end.
  char chunk[4096];
  while (true) {
    ssize_t got = ::read(fd.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno::last();
    if (got == 0) return {};
    if (content.size() + static_cast<std::size_t>(got) > max) return Errno{EFBIG};
    content.append(chunk, static_cast<std::size_t>(got));
  }
}

std::string read_value(const std::string& path) {
  std::string content;
  if (read_file(path, content).failed()) return {};
  return std::string{trim(content)};
}

Errno write_value(const std::string& path, std::string_view content) {
  UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd) return Errno::last();
  return Errno::of(::write(fd.get(), content.data(), content.size()));
}

namespace {

Errno write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Errno::last();
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

Errno replace_file(const std::string& path, std::string_view content, mode_t mode) {
  std::string temporary = path + ".new";
  UniqueFd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!fd) return Errno::last();
  Errno written = write_all(fd.get(), content);
  if (!written.failed()) written = Errno::of(::rename(temporary.c_str(), path.c_str()));
  if (written.failed()) ::unlink(temporary.c_str());
  return written;
}

Errno make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return {};
  // The usual case, an existing directory, costs one system call; a mount point on a read-only root says EROFS.
  if (errno == EEXIST || errno == EROFS) return is_directory(path) ? Errno{} : Errno{errno == EROFS ? EROFS : ENOTDIR};
  if (errno != ENOENT) return Errno::last();
  std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0) return Errno{ENOENT};
  if (Errno parent = make_directories(path.substr(0, slash)); parent.failed()) return parent;
  if (slash + 1 == path.size()) return {};
  return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST ? Errno{} : Errno::last();
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool is_directory(const std::string& path) {
  struct stat status;
  int saved = errno;
  bool directory = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  errno = saved;
  return directory;
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

Errno Mapping::open(const std::string& path, Mapping& mapping) {
  mapping = Mapping{};
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return Errno::last();
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return Errno::last();
  if (status.st_size == 0) return {};
  auto size = static_cast<std::size_t>(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return Errno::last();
  mapping.data_ = static_cast<const char*>(data);
  mapping.size_ = size;
  return {};
}

}  // namespace guest
