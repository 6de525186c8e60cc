#include "applets/swap_condition.h"

#include <sys/statvfs.h>

#include <vector>

#include "applets/flags.h"
#include "base/text.h"

namespace guest {
namespace {

std::vector<std::string_view> split_at_colons(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    std::size_t colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

}  // namespace

std::string parse_swap_condition(std::string_view text, SwapCondition& condition) {
  condition = SwapCondition{};
  if (text.empty()) return {};
  std::string problem =
      "--condition: expected part:PATH[:true] or partsize:PATH:SIZE[:true], got '" + printable(text) + "'";
  std::vector<std::string_view> parts = split_at_colons(text);
  std::size_t own = parts[0] == "partsize" ? 3 : 2;
  if ((parts[0] != "part" && parts[0] != "partsize") || parts.size() < own || parts.size() > own + 1) return problem;
  if (parts[1].empty() || parts[1][0] != '/') return problem;
  if (parts.size() > own && parts[own] != "true" && parts[own] != "false") return problem;
  condition.path = parts[1];
  condition.required = parts.size() > own && parts[own] == "true";
  if (own == 2) return {};
  condition.least_bytes = parse_size(parts[2]);
  return condition.least_bytes == 0 ? problem : "";
}

std::uint64_t file_system_bytes(const std::string& path) {
  struct statvfs status;
  if (::statvfs(path.c_str(), &status) != 0) return 0;
  return std::uint64_t{status.f_blocks} * status.f_frsize;
}

}  // namespace guest
