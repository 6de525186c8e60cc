#include "cli/log_line.h"

#include <array>
#include <cctype>
#include <ctime>

#include "base/error.h"

namespace kiln::cli {
namespace {

/// RFC 3339.
std::string timestamp(std::chrono::system_clock::time_point time) {
  std::string zone = formatted_time(time, "%z");  // +0100
  if (zone.size() == 5) zone.insert(3, ":");
  if (zone == "+00:00") zone = "Z";
  return formatted_time(time, "%Y-%m-%dT%H:%M:%S") + zone;
}

/// logfmt: quoted unless it is one word of plain characters.
std::string value(std::string_view text) {
  bool plain = !text.empty();
  std::string out = "\"";
  for (const char c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          std::string_view{"-._/@^+"}.find(c) != std::string_view::npos;
    plain = plain && is_plain;
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return plain ? std::string{text} : out + '"';
}

}  // namespace

std::string formatted_time(std::chrono::system_clock::time_point time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string log_line(std::chrono::system_clock::time_point time, std::string_view level, std::string_view message) {
  return concat("time=\"", timestamp(time), "\" level=", level, " msg=", value(message), "\n");
}

}  // namespace kiln::cli
