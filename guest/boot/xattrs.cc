#include "boot/xattrs.h"

#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

namespace guest {
namespace {

bool unescape(std::string_view text, std::string& plain) {
  plain.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto raw = static_cast<unsigned char>(text[i]);
    if (raw <= 0x20 || raw >= 0x7f) return false;  // would have been escaped: a NUL among them must not end a name
    if (text[i] != '\\') {
      plain += text[i];
      continue;
    }
    if (i + 3 >= text.size()) return false;
    unsigned byte = 0;
    for (int digit = 1; digit <= 3; ++digit) {
      char c = text[i + static_cast<std::size_t>(digit)];
      if (c < '0' || c > '7') return false;
      byte = byte * 8 + static_cast<unsigned>(c - '0');
    }
    if (byte == 0 || byte > 0xff) return false;
    plain += static_cast<char>(byte);
    i += 3;
  }
  return !plain.empty();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode_hex(std::string_view text, std::string& bytes) {
  bytes.clear();
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = hex_digit(text[i]);
    int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes += static_cast<char>(high << 4 | low);
  }
  return true;
}

}  // namespace

bool parse_xattr_line(std::string_view line, XattrRecord& record) {
  std::size_t first = line.find('\t');
  if (first == std::string_view::npos) return false;
  std::size_t second = line.find('\t', first + 1);
  if (second == std::string_view::npos) return false;
  return unescape(line.substr(0, first), record.path) && record.path[0] == '/' &&
         unescape(line.substr(first + 1, second - first - 1), record.name) &&
         decode_hex(line.substr(second + 1), record.value);
}

void apply_xattr_table(Log& log) {
  Mapping table;
  if (Errno error = Mapping::open(kXattrTable, table); error.failed()) {
    if (error.value() != ENOENT) log.line(format("kiln: opening '%s': %s", kXattrTable, error.text()));
    return;
  }
  std::string_view rest = table.text();
  std::string_view line;
  XattrRecord record;
  for (int number = 1; take_line(rest, line); ++number) {
    if (!parse_xattr_line(line, record)) {
      log.line(
          format("kiln: %s:%d: expected PATH, NAME and VALUE in hexadecimal, separated by tabs", kXattrTable, number));
      continue;
    }
    if (::lsetxattr(record.path.c_str(), record.name.c_str(), record.value.data(), record.value.size(), 0) != 0) {
      log.line(format("kiln: setting '%s' of '%s': %s", printable(record.name).c_str(), printable(record.path).c_str(),
                      Errno::last().text()));
    }
  }
  ::unlink(kXattrTable);
  ::rmdir("/.kiln");
}

}  // namespace guest
