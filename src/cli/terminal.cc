#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace kiln::cli {
namespace {

winsize size_of(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

bool set_and_not_empty(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

void FdTerminal::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd_, text.data(), text.size());
    // Progress that cannot be shown (a closed pipe) must not stop the work it is about.
    if (put < 0 && errno != EINTR) return;
    if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
  }
}

unsigned FdTerminal::columns() const {
  const unsigned columns = size_of(fd_).ws_col;
  return columns > 0 ? columns : 80;
}

unsigned FdTerminal::rows() const {
  const unsigned rows = size_of(fd_).ws_row;
  return rows > 0 ? rows : 24;
}

bool FdTerminal::is_live() const {
  const char* term = std::getenv("TERM");
  return ::isatty(fd_) == 1 && term != nullptr && std::string_view{term} != "dumb";
}

bool FdTerminal::has_colours() const { return is_live() && !set_and_not_empty("NO_COLOR"); }

}  // namespace kiln::cli
