#pragma once

#include <map>
#include <string>
#include <string_view>

#include "package/deb_file.h"

namespace kiln::package {

/// The files of several packages together, found by path. Of two packages with the same path the first added counts;
/// Debian allows it for directories only.
class FileSet {
 public:
  struct Item {
    std::size_t package = 0;  ///< as given to add()
    const DebEntry* entry = nullptr;
  };

  /// The entries must outlive this.
  void add(std::size_t package, const std::vector<DebEntry>& entries);

  const Item* find(std::string_view path) const;

  /// Follows symbolic links in every component of an absolute path; null if it leads nowhere. The links passed are
  /// appended to `links` (they belong to what is found).
  const Item* resolve(std::string_view path, std::vector<const Item*>* links = nullptr) const;

 private:
  std::map<std::string, Item, std::less<>> items_;
};

}  // namespace kiln::package
