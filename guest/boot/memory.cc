#include "boot/memory.h"

#include <unistd.h>

#include <string>

#include "base/file.h"
#include "base/text.h"

namespace guest {
namespace {

/// The number after `key` at the start of a line of /proc/meminfo.
std::uint64_t field(std::string_view text, std::string_view key) {
  std::string_view line;
  while (take_line(text, line)) {
    if (line.substr(0, key.size()) != key) continue;
    line.remove_prefix(key.size());
    return parse_decimal(take_word(line)).value_or(0);
  }
  return 0;
}

}  // namespace

std::uint64_t per_cpu_free_pages(std::string_view zoneinfo) {
  std::uint64_t pages = 0;
  std::string_view line;
  while (take_line(zoneinfo, line)) {
    if (take_word(line) == "count:") pages += parse_decimal(take_word(line)).value_or(0);
  }
  return pages;
}

std::uint64_t used_memory_kib() {
  std::string meminfo;
  std::string zoneinfo;
  if (read_file("/proc/meminfo", meminfo).failed() || read_file("/proc/zoneinfo", zoneinfo).failed()) return 0;
  std::uint64_t page_kib = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
  std::uint64_t total = field(meminfo, "MemTotal:");
  std::uint64_t free = field(meminfo, "MemFree:") + per_cpu_free_pages(zoneinfo) * page_kib;
  return total > free ? total - free : 0;
}

}  // namespace guest
