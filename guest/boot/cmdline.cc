#include "boot/cmdline.h"

#include <algorithm>

#include "base/file.h"

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

}  // namespace guest
