#include "applets/sysctl_line.h"

#include "base/text.h"

namespace guest {

std::string parse_sysctl_line(std::string_view line, const std::string& root, SysctlSetting& setting) {
  setting = SysctlSetting{};
  line = trim(line);
  if (line.empty() || line[0] == '#' || line[0] == ';') return {};
  if (line[0] == '-') {
    setting.optional = true;
    line.remove_prefix(1);
  }
  std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return "expected KEY = VALUE, got '" + printable(line) + "'";
  std::string key{trim(line.substr(0, equals))};
  if (key.empty()) return "expected a key before '='";
  std::size_t separator = key.find_first_of("./");
  if (separator != std::string::npos && key[separator] == '.') {
    for (char& c : key) {
      if (c == '.') {
        c = '/';
      } else if (c == '/') {
        c = '.';
      }
    }
  }
  if (key[0] == '/' || ("/" + key + "/").find("/../") != std::string::npos) {
    return "'" + printable(key) + "' is not a name below " + root;
  }
  setting.path = std::move(key);
  setting.value = trim(line.substr(equals + 1));
  return {};
}

}  // namespace guest
