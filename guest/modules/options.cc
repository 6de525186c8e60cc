#include "modules/options.h"

#include <algorithm>

#include "base/text.h"
#include "modules/index.h"

namespace guest {

void ModprobeOptions::add(std::string_view text) {
  std::string_view line;
  while (take_line(text, line)) {
    line = trim(line);
    if (line.empty() || line[0] == '#') continue;
    std::string_view rest = line;
    std::string_view verb = take_word(rest);
    if (verb == "alias") {
      aliases.append(line).append("\n");
    } else if (verb == "blacklist") {
      blacklist.push_back(module_name(take_word(rest)));
    } else if (verb == "options") {
      std::string module = module_name(take_word(rest));
      options.push_back({std::move(module), std::string{trim(rest)}});
    } else {
      ++unsupported;
    }
  }
}

bool ModprobeOptions::blacklisted(std::string_view module) const {
  return std::find(blacklist.begin(), blacklist.end(), module) != blacklist.end();
}

std::string ModprobeOptions::parameters(std::string_view module) const {
  std::string all;
  for (const Option& option : options) {
    if (option.module != module) continue;
    if (!all.empty()) all += ' ';
    all += option.parameters;
  }
  return all;
}

}  // namespace guest
