#include "inventory/os_release.h"

namespace kiln::inventory {
namespace {

/// A value as the shell reads it: quotes go, and within double quotes a backslash makes the next character itself.
std::string unquoted(std::string_view value) {
  if (value.empty() || (value.front() != '"' && value.front() != '\'')) return std::string{value};
  const char quote = value.front();
  std::string out;
  for (std::size_t i = 1; i < value.size() && value[i] != quote; ++i) {
    if (quote == '"' && value[i] == '\\' && i + 1 < value.size()) ++i;
    out += value[i];
  }
  return out;
}

}  // namespace

OsRelease parse_os_release(std::string_view text) {
  OsRelease out;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text = newline == std::string_view::npos ? std::string_view{} : text.substr(newline + 1);
    if (line.starts_with("ID=")) out.id = unquoted(line.substr(3));
    if (line.starts_with("VERSION_ID=")) out.version_id = unquoted(line.substr(11));
  }
  return out;
}

}  // namespace kiln::inventory
