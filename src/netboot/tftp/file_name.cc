#include "netboot/tftp/file_name.h"

#include <algorithm>

namespace kiln::tftp {

std::optional<std::string> clean_name(std::string_view name) {
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7F; };
  if (std::any_of(name.begin(), name.end(), is_control)) return std::nullopt;
  std::string clean;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find_first_of("/\\"), name.size());
    const std::string_view component = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    if (component == "..") return std::nullopt;
    if (component.empty() || component == ".") continue;
    if (!clean.empty()) clean += '/';
    clean += component;
  }
  if (clean.empty()) return std::nullopt;
  return clean;
}

}  // namespace kiln::tftp
