#include "supervise/deaf.h"

#include <cstdint>
#include <string>

#include "base/file.h"
#include "base/text.h"

namespace guest {
namespace {

std::string_view field(std::string_view status, std::string_view key) {
  std::string_view line;
  while (take_line(status, line)) {
    if (line.substr(0, key.size()) == key) return trim(line.substr(key.size()));
  }
  return {};
}

bool in_mask(std::string_view mask, int signal) {
  std::uint64_t bits = 0;
  for (char c : mask) {
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return true;  // not a mask: assume the process listens
    bits = bits << 4 | static_cast<std::uint64_t>(digit);
  }
  return (bits >> (signal - 1) & 1) != 0;
}

}  // namespace

bool is_deaf(std::string_view status, int signal) {
  if (signal < 1 || signal > 64) return false;
  std::string_view ids = field(status, "NSpid:");
  std::size_t count = 0;
  std::string_view last;
  for (std::string_view id = take_word(ids); !id.empty(); id = take_word(ids)) {
    last = id;
    ++count;
  }
  if (count < 2 || last != "1") return false;
  std::string_view caught = field(status, "SigCgt:");
  std::string_view blocked = field(status, "SigBlk:");
  if (caught.empty() || blocked.empty()) return false;
  return !in_mask(caught, signal) && !in_mask(blocked, signal);
}

bool is_deaf_to(pid_t pid, int signal) {
  std::string status;
  return !read_file(format("/proc/%d/status", pid), status).failed() && is_deaf(status, signal);
}

}  // namespace guest
