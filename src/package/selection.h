#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "package/debian_archive.h"
#include "package/file_set.h"
#include "package/recipe.h"

namespace kiln::package {

/// A file chosen for an image.
struct SelectedFile {
  std::size_t package = 0;          ///< index into the packages
  const DebEntry* entry = nullptr;  ///< of the package's list
  std::string path;                 ///< in the image; differs from the entry's for interpreters, see Selector
};

/// Chooses the files of an image out of Debian packages, as distroless images are made: what the recipe keeps, then
/// whatever the ELF files among it need (DT_NEEDED, the interpreter), looked for where ld.so looks (ld.so(8)), and each
/// package's copyright file. Only packages that turn out to be needed are fetched: the one that has a library is
/// guessed by Debian's naming of library packages (Debian policy 8.1) among what the asking package depends on, small
/// ones first.
class Selector {
 public:
  /// Fetches packages and lists their files.
  using Lister = std::function<std::vector<std::vector<DebEntry>>(std::span<const DebianPackage* const>)>;

  /// `packages`: everything that may be used, sorted by name. `merged_usr`: whether the image has the link /lib ->
  /// usr/lib; without it an interpreter is placed where programs name it (/lib/ld-linux-aarch64.so.1), and not below
  /// /usr.
  Selector(std::vector<DebianPackage> packages, std::string architecture, bool merged_usr, Lister lister);

  /// Files that match a pattern, of the packages named; then their closure. Each pattern must match something.
  /// Throws Error naming the pattern, or the library that no package has.
  void keep(const std::vector<std::string>& names, const std::vector<Pattern>& patterns,
            const std::vector<std::string>& drop);
  /// Everything of all packages but documentation, translations and what `drop` matches.
  void keep_all(const std::vector<std::string>& drop);
  /// Entry by entry, for kernels; no closure.
  void keep_if(const std::function<bool(const DebianPackage&)>& package,
               const std::function<bool(const DebEntry&)>& file);

  const std::vector<DebianPackage>& packages() const { return packages_; }
  /// Sorted by path; no path twice.
  std::vector<SelectedFile> files() const;
  /// Directories as packages have them, for the parents of the files.
  const DebEntry* directory(std::string_view path) const;

 private:
  struct Wanted {
    std::size_t package;             // who asks
    std::string requester;           // its file
    std::string soname;              // or the interpreter's path
    std::vector<std::string> paths;  // where it may be
    std::string place;               // interpreter without merged /usr: where to put it
  };

  void load(const std::vector<std::size_t>& packages);
  std::size_t index_of(std::string_view name) const;
  void take(const FileSet::Item& item, const std::string& path = "");
  void take_target(const FileSet::Item& link);
  void add_wanted(const FileSet::Item& item);
  bool satisfy(const Wanted& wanted);
  void close();
  std::vector<std::size_t> next_packages(const std::vector<Wanted>& open) const;
  void take_copyrights();

  std::vector<DebianPackage> packages_;
  std::string architecture_;
  bool merged_usr_;
  Lister lister_;
  std::vector<std::unique_ptr<std::vector<DebEntry>>> lists_;  // null: not fetched
  FileSet all_;
  std::map<std::string, SelectedFile> files_;
  std::vector<Wanted> wanted_;
  std::set<std::string> asked_;
};

/// The names the Debian package of a shared library may have: libssl.so.3 -> libssl3, libssl3t64 (policy 8.1).
std::vector<std::string> library_package_names(std::string_view soname);

/// Where a library of Debian's architecture lies: aarch64-linux-gnu.
std::string multiarch_tuple(std::string_view debian_architecture);

}  // namespace kiln::package
