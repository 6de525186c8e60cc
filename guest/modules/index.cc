#include "modules/index.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "modules/pattern.h"

namespace guest {
namespace {

std::string_view base_name(std::string_view path) {
  std::size_t slash = path.find_last_of('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path.substr(0, path.find(".ko"));
}

char kernel_letter(char c) { return c == '-' ? '_' : c; }

/// FNV-1a over the name, '-' counted as '_', so that no string is built for the thousands of lines.
std::uint32_t name_hash(std::string_view name) {
  std::uint32_t hash = 2166136261U;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(kernel_letter(c))) * 16777619U;
  return hash;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return kernel_letter(x) == kernel_letter(y); });
}

}  // namespace

std::string module_name(std::string_view path_or_name) {
  std::string name{base_name(path_or_name)};
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

DependencyIndex::DependencyIndex(std::string_view text) : text_(text.substr(0, UINT32_MAX)) {
  lines_.reserve(text_.size() / 96);  // the average line of a Debian kernel
  std::string_view rest = text_;
  std::string_view line;
  while (true) {
    std::size_t offset = text_.size() - rest.size();
    if (!take_line(rest, line)) break;
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    lines_.push_back({name_hash(base_name(line.substr(0, colon))), static_cast<std::uint32_t>(offset)});
  }
}

bool DependencyIndex::find(std::string_view name, ModuleRecord& record) const {
  std::uint32_t hash = name_hash(name);
  for (const Line& entry : lines_) {
    if (entry.hash != hash) continue;
    std::string_view rest = text_.substr(entry.offset);
    std::string_view line;
    take_line(rest, line);
    std::size_t colon = line.find(':');
    if (!same_name(base_name(line.substr(0, colon)), name)) continue;
    record.path = line.substr(0, colon);
    record.dependencies = words(line.substr(colon + 1));
    std::reverse(record.dependencies.begin(), record.dependencies.end());
    return true;
  }
  return false;
}

namespace {

/// The range of `wanted` that starts with each byte: a pattern's first character rules out nearly every alias.
using Ranges = std::array<std::pair<std::size_t, std::size_t>, 256>;

Ranges ranges_by_first_byte(const std::vector<std::string>& wanted) {
  Ranges ranges{};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].empty()) continue;
    auto& range = ranges[static_cast<unsigned char>(wanted[i][0])];
    if (range.second == 0) range.first = i;
    range.second = i + 1;
  }
  return ranges;
}

bool starts_with_wildcard(std::string_view pattern) {
  return pattern[0] == '*' || pattern[0] == '?' || pattern[0] == '[';
}

}  // namespace

std::vector<std::string> match_aliases(std::string_view text, const std::vector<std::string>& wanted) {
  std::vector<std::string> modules;
  Ranges ranges = ranges_by_first_byte(wanted);
  std::string_view line;
  while (take_line(text, line)) {
    if (line.substr(0, 6) != "alias ") continue;
    line.remove_prefix(6);
    // The pattern may hold blanks (names from firmware do), the module's name cannot.
    line = trim(line);
    std::size_t gap = line.find_last_of(" \t");
    if (gap == std::string_view::npos) continue;
    std::string_view pattern = trim(line.substr(0, gap));
    auto range = ranges[static_cast<unsigned char>(pattern[0])];
    if (starts_with_wildcard(pattern)) range = {0, wanted.size()};
    bool hit = false;
    for (std::size_t i = range.first; i < range.second && !hit; ++i) hit = matches_pattern(pattern, wanted[i]);
    if (!hit) continue;
    std::string module = module_name(line.substr(gap + 1));
    if (std::find(modules.begin(), modules.end(), module) == modules.end()) modules.push_back(std::move(module));
  }
  return modules;
}

}  // namespace guest
