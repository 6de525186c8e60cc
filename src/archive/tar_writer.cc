#include "archive/tar_writer.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "archive/pax.h"
#include "archive/tar_block.h"
#include "base/error.h"

namespace kiln::archive {
namespace {

using Records = std::map<std::string, std::string, std::less<>>;

/// Keys whose value follows from the header's own fields; foreign records of these names do not count.
constexpr std::string_view kOwnKeys[] = {"path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime"};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// As Go has it: what is not ASCII is left out of the ustar header.
std::string to_ascii(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != 0 && static_cast<unsigned char>(c) < 0x80) out += c;
  return out;
}

template <std::size_t N>
constexpr bool fits_octal(const char (&)[N], std::uint64_t value) {
  return value >> (3 * (N - 1)) == 0;
}

template <std::size_t N>
void put_octal(char (&field)[N], std::uint64_t value) {
  if (!fits_octal(field, value)) value = 0;  // the pax record has it
  for (std::size_t i = N - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
}

/// Cut where it is too long. Some readers take a file whose name ends in a slash for a directory, so a cut never
/// leaves one (Go does the same).
template <std::size_t N>
void put_text(char (&field)[N], std::string_view text) {
  const std::size_t size = std::min(text.size(), N);
  std::memcpy(field, text.data(), size);
  if (text.size() <= N || field[N - 1] != '/') return;
  const std::size_t last = text.substr(0, N - 1).find_last_not_of('/');
  field[last == std::string_view::npos ? 0 : last + 1] = '\0';
}

void seal(TarBlock& block) {
  std::memcpy(block.magic,
              "ustar\0"
              "00",
              8);
  const auto sum = static_cast<std::uint64_t>(tar_checksums(block).as_unsigned);
  char digits[7] = {};
  put_octal(digits, sum);
  std::memcpy(block.checksum, digits, sizeof digits);
  block.checksum[7] = ' ';
}

void append_block(std::string& out, const TarBlock& block) { out += block.bytes(); }

template <std::size_t N>
void add_text(Records& records, const char (&)[N], std::string_view key, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) throw Error{"tar entry: ", key, " ", quote(text), " contains a NUL"};
  if (text.size() > N || !is_ascii(text)) records.emplace(key, text);
}

template <std::size_t N>
void add_number(Records& records, const char (&field)[N], std::string_view key, std::uint64_t value) {
  if (!fits_octal(field, value)) records.emplace(key, std::to_string(value));
}

void add_foreign(Records& records, const TarHeader& header) {
  for (const auto& [key, value] : header.records) {
    if (std::find(std::begin(kOwnKeys), std::end(kOwnKeys), key) != std::end(kOwnKeys)) continue;
    if (key.empty() || key.find('=') != std::string::npos || key.find('\0') != std::string::npos)
      throw Error{"tar entry ", quote(header.path), ": pax key ", quote(key), " is empty or contains '=' or a NUL"};
    records.emplace(key, value);
  }
}

Records pax_records(const TarHeader& header) {
  const TarBlock block = {};
  Records records;
  add_text(records, block.name, "path", header.path);
  add_text(records, block.link, "linkpath", header.link);
  add_text(records, block.user_name, "uname", header.user_name);
  add_text(records, block.group_name, "gname", header.group_name);
  add_number(records, block.size, "size", header.size);
  add_number(records, block.uid, "uid", header.uid);
  add_number(records, block.gid, "gid", header.gid);
  if (header.mtime < 0 || header.mtime_nsec != 0 || !fits_octal(block.mtime, static_cast<std::uint64_t>(header.mtime)))
    records.emplace("mtime", format_pax_time({header.mtime, header.mtime_nsec}));
  add_foreign(records, header);
  return records;
}

/// DIR/PaxHeaders.0/BASE, cleaned as Go's path.Join would.
std::string extended_header_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view base = slash == std::string_view::npos ? path : path.substr(slash + 1);
  std::vector<std::string_view> parts;
  const bool absolute = path.starts_with('/');
  std::string joined{slash == std::string_view::npos ? "" : path.substr(0, slash)};
  joined += "/PaxHeaders.0/";
  joined += base;
  for (std::string_view rest = joined; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part != ".." || (parts.empty() && !absolute) || (!parts.empty() && parts.back() == "..")) {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string name = absolute ? "/" : "";
  for (std::string_view part : parts) {
    if (!name.empty() && name.back() != '/') name += '/';
    name += part;
  }
  return name;
}

void append_extended_header(std::string& out, std::string_view path, const Records& records) {
  std::string data;
  for (const auto& [key, value] : records) append_pax_record(data, key, value);
  std::string name = to_ascii(extended_header_name(path));
  if (name.size() > sizeof TarBlock::name) name.resize(sizeof TarBlock::name);
  while (name.ends_with('/')) name.pop_back();
  TarBlock block = {};
  block.type = 'x';
  put_text(block.name, name);
  put_octal(block.mode, 0);
  put_octal(block.uid, 0);
  put_octal(block.gid, 0);
  put_octal(block.size, data.size());
  put_octal(block.mtime, 0);
  seal(block);
  append_block(out, block);
  out += data;
  out.append(tar_padding(data.size()), '\0');
}

}  // namespace

void append_tar_header(std::string& out, const TarHeader& header) {
  const Records records = pax_records(header);
  if (!records.empty()) append_extended_header(out, header.path, records);
  TarBlock block = {};
  block.type = header.type;
  put_text(block.name, to_ascii(header.path));
  put_text(block.link, to_ascii(header.link));
  put_octal(block.mode, header.mode);
  put_octal(block.uid, header.uid);
  put_octal(block.gid, header.gid);
  put_octal(block.size, header.size);
  put_octal(block.mtime, header.mtime < 0 ? 0 : static_cast<std::uint64_t>(header.mtime));
  put_text(block.user_name, to_ascii(header.user_name));
  put_text(block.group_name, to_ascii(header.group_name));
  put_octal(block.dev_major, header.rdev_major);
  put_octal(block.dev_minor, header.rdev_minor);
  seal(block);
  append_block(out, block);
}

std::string_view tar_end() {
  static constexpr char kZeros[2 * kTarBlock] = {};
  return {kZeros, sizeof kZeros};
}

}  // namespace kiln::archive
