#include "machine/remote/secret.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"

namespace kiln::machine {
namespace {

constexpr std::size_t kLongest = 4096;

std::string first_line(const std::string& text) { return text.substr(0, text.find_first_of("\r\n")); }

/// The terminal does not show what is typed, for as long as this lives.
class Hidden {
 public:
  explicit Hidden(int terminal) : terminal_{terminal}, changed_{::tcgetattr(terminal, &saved_) == 0} {
    if (!changed_) return;
    termios hidden = saved_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    hidden.c_lflag |= ECHONL;
    ::tcsetattr(terminal, TCSAFLUSH, &hidden);
  }
  ~Hidden() {
    if (changed_) ::tcsetattr(terminal_, TCSADRAIN, &saved_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  int terminal_;
  termios saved_{};
  bool changed_;
};

std::string ask(int terminal, const std::string& what) {
  const std::string prompt = concat(what, ": ");
  [[maybe_unused]] const auto ignored = ::write(terminal, prompt.data(), prompt.size());
  const Hidden hidden{terminal};
  std::string typed(kLongest, '\0');
  const ssize_t got = ::read(terminal, typed.data(), typed.size());
  typed.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return first_line(typed);
}

}  // namespace

std::string read_secret(const SecretSource& source) {
  if (!source.file.empty()) {
    std::string secret = first_line(read_file(source.file, kLongest));
    if (secret.empty()) throw Error{source.option, " ", quote(source.file), ": its first line is empty"};
    return secret;
  }
  std::string names;
  for (const std::string& name : source.environment) {
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && *value != '\0') return value;
    names += concat(names.empty() ? "" : " or ", name);
  }
  const UniqueFd terminal{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
  std::string secret = terminal ? ask(terminal.get(), source.what) : std::string{};
  if (!secret.empty()) return secret;
  throw Error{"there is no ", source.what}.with_hint(
      concat("set ", names, " in the environment, or name a file that has it: ", source.option, " FILE"));
}

}  // namespace kiln::machine
