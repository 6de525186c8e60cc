#include "archive/xattr_record.h"

#include <map>

#include "base/error.h"

namespace kiln::archive {
namespace {

constexpr std::string_view kSchily = "SCHILY.xattr.";
constexpr std::string_view kLibarchive = "LIBARCHIVE.xattr.";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string url_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    out += escaped ? static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2])) : text[i];
    if (escaped) i += 2;
  }
  return out;
}

std::string base64_decode(std::string_view text, std::string_view key) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) throw Error{"pax record ", quote(key), ": its value is not base64"};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> xattrs_of(const std::vector<PaxRecord>& records) {
  std::map<std::string, std::string> xattrs;
  const auto set = [&](std::string name, std::string value) {
    if (name.empty() || name.find('\0') != std::string::npos)
      throw Error{"an extended attribute has a bad name ", quote(name)};
    xattrs.insert_or_assign(std::move(name), std::move(value));
  };
  for (const auto& [key, value] : records)
    if (key.starts_with(kLibarchive)) set(url_decode(key.substr(kLibarchive.size())), base64_decode(value, key));
  for (const auto& [key, value] : records)
    if (key.starts_with(kSchily)) set(std::string{key.substr(kSchily.size())}, std::string{value});
  return {xattrs.begin(), xattrs.end()};
}

}  // namespace kiln::archive
