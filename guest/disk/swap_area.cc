#include "disk/swap_area.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include "base/text.h"
#include "base/unique_fd.h"

namespace guest {
namespace {

constexpr std::size_t kInfoAt = 1024;
constexpr std::uint64_t kLeastPages = 10;
constexpr std::string_view kMagic = "SWAPSPACE2";

void put_number(std::string& page, std::size_t at, std::uint32_t number) {
  std::memcpy(page.data() + at, &number, sizeof number);  // of the machine's own byte order, as the kernel reads it
}

Errno write_zeros(int fd, std::uint64_t bytes) {
  std::string zeros(std::size_t{1} << 20, '\0');
  while (bytes > 0) {
    ssize_t put = ::write(fd, zeros.data(), bytes < zeros.size() ? static_cast<std::size_t>(bytes) : zeros.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Errno::last();
    bytes -= static_cast<std::uint64_t>(put);
  }
  return {};
}

/// btrfs swaps only to files without copy-on-write; elsewhere the flag is refused, which is fine.
void without_copy_on_write(int fd) {
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_NOCOW_FL;
  ::ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

}  // namespace

std::string swap_header(std::uint64_t bytes, std::size_t page_size, std::string_view uuid) {
  std::uint64_t pages = bytes / page_size;
  if (pages < kLeastPages) return {};
  // More than the header can say, the kernel does not use.
  constexpr std::uint64_t kMostPages = std::numeric_limits<std::uint32_t>::max();
  std::string page(page_size, '\0');
  put_number(page, kInfoAt, 1);  // version
  put_number(page, kInfoAt + 4, static_cast<std::uint32_t>((pages < kMostPages ? pages : kMostPages) - 1));
  std::memcpy(page.data() + kInfoAt + 12, uuid.data(), uuid.size() < 16 ? uuid.size() : 16);
  std::memcpy(page.data() + page_size - kMagic.size(), kMagic.data(), kMagic.size());
  return page;
}

std::string start_swapping(const std::string& path, std::uint64_t bytes) {
  std::string uuid;
  if (Errno error = random_bytes(16, uuid); error.failed()) return format("getting random bytes: %s", error.text());
  std::string header = swap_header(bytes, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), uuid);
  if (header.empty()) return "ten pages are the least to swap to, '" + printable(path) + "' is smaller";
  UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd) return format("opening '%s': %s", printable(path).c_str(), Errno::last().text());
  if (::pwrite(fd.get(), header.data(), header.size(), 0) != static_cast<ssize_t>(header.size()) ||
      ::fsync(fd.get()) != 0) {
    return format("writing '%s': %s", printable(path).c_str(), Errno::last().text());
  }
  if (::swapon(path.c_str(), 0) == 0) return {};
  return format("swapping to '%s': %s", printable(path).c_str(), Errno::last().text());
}

Errno make_solid_file(const std::string& path, std::uint64_t bytes) {
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) return Errno::last();
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return Errno::last();
  if (static_cast<std::uint64_t>(status.st_size) == bytes) return {};
  if (::ftruncate(fd.get(), 0) != 0) return Errno::last();
  without_copy_on_write(fd.get());
  if (::fallocate(fd.get(), 0, 0, static_cast<off_t>(bytes)) == 0) return {};
  if (errno != EOPNOTSUPP) return Errno::last();
  return write_zeros(fd.get(), bytes);
}

Errno random_bytes(std::size_t bytes, std::string& into) {
  into.assign(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    ssize_t got = ::getrandom(into.data() + have, bytes - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno::last();
    have += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace guest
