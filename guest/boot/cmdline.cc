#include "boot/cmdline.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace guest {

Cmdline::Cmdline(std::string_view text) {
  std::string token;
  bool quoted = false;
  bool started = false;
  for (char c : text) {
    bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
    if (blank && !quoted) {
      if (started) tokens_.push_back(std::move(token));
      token.clear();
      started = false;
      continue;
    }
    started = true;
    if (c == '"') {
      quoted = !quoted;
    } else {
      token += c;
    }
  }
  if (started) tokens_.push_back(std::move(token));
}

bool Cmdline::has(std::string_view token) const {
  return std::find(tokens_.begin(), tokens_.end(), token) != tokens_.end();
}

std::vector<ConsoleToken> Cmdline::consoles() const {
  constexpr std::string_view kKey = "console=";
  std::vector<ConsoleToken> found;
  for (std::string_view token : tokens_) {
    if (token.substr(0, kKey.size()) != kKey) continue;
    token.remove_prefix(kKey.size());
    std::size_t comma = token.find(',');
    ConsoleToken console{std::string{token.substr(0, comma)},
                         comma == std::string_view::npos ? "" : std::string{token.substr(comma + 1)}};
    // A device name is used as a file below /dev: nothing that leaves it, no empty name.
    if (console.device.empty() || console.device.find("..") != std::string::npos) continue;
    bool known = std::any_of(found.begin(), found.end(),
                             [&](const ConsoleToken& other) { return other.device == console.device; });
    if (!known) found.push_back(std::move(console));
  }
  return found;
}

Cmdline read_cmdline() {
  std::string text;
  read_file("/proc/cmdline", text).ignore();  // an empty command line then
  return Cmdline{text};
}

std::vector<ConsoleToken> consoles_in_use(const Cmdline& cmdline, std::string_view active,
                                          const std::function<bool(const std::string& device)>& exists) {
  std::vector<ConsoleToken> consoles = cmdline.consoles();
  auto is_absent = [&](const ConsoleToken& console) { return !exists(console.device); };
  std::erase_if(consoles, is_absent);
  if (!consoles.empty()) return consoles;
  for (std::string_view device : words(active)) consoles.push_back({std::string{device}, ""});
  std::erase_if(consoles, is_absent);
  return consoles;
}

std::vector<ConsoleToken> consoles_in_use(const Cmdline& cmdline) {
  auto is_device = [](const std::string& device) {
    struct stat status;
    return ::stat(("/dev/" + device).c_str(), &status) == 0 && S_ISCHR(status.st_mode);
  };
  return consoles_in_use(cmdline, read_value("/sys/class/tty/console/active"), is_device);
}

}  // namespace guest
