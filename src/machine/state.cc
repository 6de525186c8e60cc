#include "machine/state.h"

#include <fcntl.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"

namespace kiln::machine {
namespace {

using Random = std::array<unsigned char, 16>;

Random random_bytes() {
  Random bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw SysError{errno, "getting random bytes"};
  }
  return bytes;
}

std::string new_mac() {
  const Random random = random_bytes();
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", (random[0] & 0xfcU) | 2U, random[1],
                random[2], random[3], random[4], random[5]);
  return text.data();
}

std::string new_uuid() {
  Random random = random_bytes();
  random[6] = static_cast<unsigned char>((random[6] & 0x0fU) | 0x40U);
  random[8] = static_cast<unsigned char>((random[8] & 0x3fU) | 0x80U);
  std::string text;
  for (std::size_t i = 0; i < random.size(); ++i) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", random[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits.data();
  }
  return text;
}

/// Whether `text` is hexadecimal digits with separators where `model` has them.
bool has_shape(std::string_view text, std::string_view model) {
  if (text.size() != model.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    const bool separator = model[i] == ':' || model[i] == '-';
    if (separator ? text[i] != model[i] : !digit) return false;
  }
  return true;
}

/// The value kept in a file, or a new one, which is then kept. A damaged file is replaced.
std::string kept(const std::filesystem::path& file, std::string (*make)()) {
  const std::string fresh = make();
  if (std::filesystem::exists(file)) {
    std::string text = read_file(file, 4096);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (has_shape(text, fresh)) return text;
  }
  write_file(file, fresh + "\n");
  return fresh;
}

/// QEMU holds a write lock on its pidfile. The PID of the holder is in it.
void refuse_running(const std::filesystem::path& pidfile) {
  UniqueFd fd{::open(pidfile.c_str(), O_RDWR | O_CLOEXEC)};
  if (!fd) return;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return;
  std::string pid = read_file(pidfile, 64);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  throw Error{"a machine is running in ", quote(pidfile.parent_path().native()), ", process ", quote(pid)}.with_hint(
      "end it first, or give this one a directory of its own with --state DIR");
}

}  // namespace

State::State(std::filesystem::path directory) : directory_{std::move(directory)} {
  make_directories(directory_);
  refuse_running(pidfile());
}

std::string State::mac() { return kept(directory_ / "mac-addr", new_mac); }

std::string State::uuid() { return kept(directory_ / "uuid", new_uuid); }

}  // namespace kiln::machine
