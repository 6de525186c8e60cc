#include "inventory/apk_installed.h"

#include <utility>

#include "base/error.h"
#include "inventory/paragraphs.h"

namespace kiln::inventory {

std::vector<InstalledPackage> parse_apk_installed(std::string_view text, std::string_view file) {
  std::vector<InstalledPackage> packages;
  const InstalledPackage fresh{InstalledPackage::Kind::apk, "", "", "", "", "", "", "", ""};
  InstalledPackage package = fresh;
  std::size_t first_line = 0;
  const auto take = [&](const Line& line) {
    if (first_line == 0) first_line = line.number;
    if (line.text.size() < 2 || line.text[1] != ':') {
      throw Error{file, ":", line.number, ": expected a letter and a colon, got ", quote(line.text.substr(0, 60))};
    }
    const std::string_view value = line.text.substr(2);
    switch (line.text[0]) {
      case 'P':
        package.name = value;
        break;
      case 'V':
        package.version = value;
        break;
      case 'A':
        package.architecture = value;
        break;
      case 'o':
        package.source = value;
        break;
      case 'm':
        package.maintainer = value;
        break;
      case 'U':
        package.homepage = value;
        break;
      case 'L':
        package.licence = value;
        break;
      default:
        break;  // dependencies, checksums, and a line or more for every file
    }
  };
  const auto end = [&] {
    if (package.name.empty()) throw Error{file, ":", first_line, ": the paragraph names no package (P:)"};
    if (package.version.empty()) {
      throw Error{file, ":", first_line, ": package ", quote(package.name), " has no version (V:)"};
    }
    if (package.source.empty()) package.source = package.name;
    packages.push_back(std::exchange(package, fresh));
    first_line = 0;
  };
  for_each_paragraph(text, take, end);
  return packages;
}

}  // namespace kiln::inventory
