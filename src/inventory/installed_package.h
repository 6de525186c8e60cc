#pragma once

#include <string>
#include <vector>

namespace kiln::inventory {

/// A package that an image's package manager has noted as installed.
struct InstalledPackage {
  enum class Kind { deb, apk };
  Kind kind = Kind::deb;
  std::string name, version, architecture;
  std::string source, source_version;  ///< what it was built from; the version is the package's own if empty
  std::string maintainer, homepage;
  std::string licence;  ///< as the package words it
};

}  // namespace kiln::inventory
