#include "package/selection.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "package/glob.h"

namespace kiln::package {
namespace {

// What a running system does not read. Copyright files stay: take_copyrights().
constexpr const char* kDocumentation[] = {
    "/usr/share/doc/**",
    "/usr/share/doc-base/**",
    "/usr/share/man/**",
    "/usr/share/info/**",
    "/usr/share/locale/**",
    "/usr/share/lintian/**",
    "/usr/share/linda/**",
    "/usr/share/bug/**",
    "/usr/share/bash-completion/**",
    "/usr/share/zsh/**",
    "/usr/share/fish/**",
    "/usr/share/gdb/**",
    "/usr/lib/systemd/system/**",
    "/etc/init.d/**",
    "/etc/cron.*/**",
    "/usr/share/initramfs-tools/**",
};

bool matches_any(const std::vector<std::string>& patterns, std::string_view path) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& glob) { return glob_matches(glob, path); });
}

bool is_documentation(std::string_view path) {
  return std::any_of(std::begin(kDocumentation), std::end(kDocumentation),
                     [&](const char* glob) { return glob_matches(glob, path); });
}

std::string replace_origin(std::string directory, const std::string& origin) {
  for (const std::string_view token : {"${ORIGIN}", "$ORIGIN"}) {
    for (std::size_t at; (at = directory.find(token)) != std::string::npos;)
      directory.replace(at, token.size(), origin);
  }
  return directory;
}

/// Libraries need the interpreter too, as a library; but whatever needs it was started by it.
bool is_interpreter(std::string_view soname) { return soname.starts_with("ld-linux") || soname.starts_with("ld64.so"); }

}  // namespace

std::vector<std::string> library_package_names(std::string_view soname) {
  const std::size_t dot = soname.find(".so");
  if (dot == std::string_view::npos) return {};
  std::string name{soname.substr(0, dot)};
  std::string_view version = soname.substr(dot + 3);
  if (version.starts_with('.')) version.remove_prefix(1);
  if (!name.empty() && !version.empty() && name.back() >= '0' && name.back() <= '9') name += '-';
  name += version;
  for (char& c : name) c = c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  std::vector<std::string> names{name, name + "t64"};
  // libgcc_s.so.1 is libgcc-s1; libaudit.so.1 libaudit1; and some packages keep a hyphen: libpam.so.0 -> libpam0g.
  names.push_back(name + "g");
  return names;
}

std::string multiarch_tuple(std::string_view architecture) {
  if (architecture == "amd64") return "x86_64-linux-gnu";
  if (architecture == "arm64") return "aarch64-linux-gnu";
  if (architecture == "armhf") return "arm-linux-gnueabihf";
  if (architecture == "i386") return "i386-linux-gnu";
  if (architecture == "ppc64el") return "powerpc64le-linux-gnu";
  return concat(architecture, "-linux-gnu");  // riscv64, s390x, loong64
}

Selector::Selector(std::vector<DebianPackage> packages, std::string architecture, bool merged_usr, Lister lister)
    : packages_{std::move(packages)},
      architecture_{std::move(architecture)},
      merged_usr_{merged_usr},
      lister_{std::move(lister)},
      lists_(packages_.size()) {}

std::size_t Selector::index_of(std::string_view name) const {
  const auto found = std::find_if(packages_.begin(), packages_.end(), [&](const auto& p) { return p.name == name; });
  return static_cast<std::size_t>(found - packages_.begin());
}

void Selector::load(const std::vector<std::size_t>& indices) {
  std::vector<std::size_t> missing;
  std::vector<const DebianPackage*> packages;
  for (const std::size_t index : indices) {
    if (index >= packages_.size() || lists_[index] != nullptr) continue;
    missing.push_back(index);
    packages.push_back(&packages_[index]);
  }
  if (missing.empty()) return;
  std::vector<std::vector<DebEntry>> lists = lister_(packages);
  for (std::size_t i = 0; i < missing.size(); ++i) {
    lists_[missing[i]] = std::make_unique<std::vector<DebEntry>>(std::move(lists[i]));
    all_.add(missing[i], *lists_[missing[i]]);
  }
}

void Selector::take(const FileSet::Item& item, const std::string& path) {
  const std::string& place = path.empty() ? item.entry->path : path;
  if (!files_.emplace(place, SelectedFile{item.package, item.entry, place}).second) return;
  if (item.entry->kind == DebEntry::Kind::symlink) take_target(item);
  if (item.entry->kind == DebEntry::Kind::hard_link) {
    if (const FileSet::Item* target = all_.find(item.entry->link)) add_wanted(*target);
  }
  add_wanted(item);
}

/// A kept link without what it points to would be of no use; a target outside the packages is the recipe's affair.
void Selector::take_target(const FileSet::Item& link) {
  std::vector<const FileSet::Item*> links;
  const FileSet::Item* target = all_.resolve(link.entry->path, &links);
  for (const FileSet::Item* passed : links) take(*passed);
  if (target != nullptr && target->entry->kind != DebEntry::Kind::directory) take(*target);
}

void Selector::add_wanted(const FileSet::Item& item) {
  if (!item.entry->linkage) return;
  const ElfLinkage& linkage = *item.entry->linkage;
  if (!linkage.interpreter.empty() && asked_.insert(linkage.interpreter).second) {
    wanted_.push_back({item.package,
                       item.entry->path,
                       linkage.interpreter,
                       {linkage.interpreter},
                       merged_usr_ ? "" : linkage.interpreter});
  }
  const std::string origin = std::filesystem::path{item.entry->path}.parent_path().string();
  for (const std::string& soname : linkage.needed) {
    if (is_interpreter(soname)) continue;
    std::vector<std::string> paths;
    for (const std::string& directory : linkage.search)
      paths.push_back(concat(replace_origin(directory, origin), "/", soname));
    paths.push_back(concat("/usr/lib/", multiarch_tuple(architecture_), "/", soname));
    for (const char* directory : {"/usr/lib/", "/usr/lib64/"}) paths.push_back(directory + soname);
    if (soname.find('/') != std::string::npos) paths = {soname};
    std::string key = soname;
    for (const std::string& directory : linkage.search) key += concat(":", replace_origin(directory, origin));
    if (asked_.insert(std::move(key)).second) {
      wanted_.push_back({item.package, item.entry->path, soname, std::move(paths), ""});
    }
  }
}

bool Selector::satisfy(const Wanted& wanted) {
  for (const std::string& path : wanted.paths) {
    std::vector<const FileSet::Item*> links;
    const FileSet::Item* found = all_.resolve(path, &links);
    if (found == nullptr || found->entry->kind == DebEntry::Kind::directory) continue;
    if (wanted.place.empty()) {
      for (const FileSet::Item* link : links) take(*link);
      take(*found);
    } else {
      take(*found, wanted.place);
    }
    return true;
  }
  return false;
}

std::vector<std::size_t> Selector::next_packages(const std::vector<Wanted>& open) const {
  const auto loadable = [&](std::size_t index) { return index < packages_.size() && lists_[index] == nullptr; };
  std::vector<std::size_t> chosen;
  for (const Wanted& wanted : open) {
    for (const std::string& name : library_package_names(wanted.soname)) {
      if (const std::size_t index = index_of(name); loadable(index)) chosen.push_back(index);
    }
  }
  if (!chosen.empty()) return chosen;
  // No name fits: what the asking package depends on, smallest first; then anything left.
  const DebianPackage& asking = packages_[open.front().package];
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < packages_.size(); ++i) {
    if (loadable(i)) rest.push_back(i);
  }
  std::stable_sort(rest.begin(), rest.end(), [&](std::size_t a, std::size_t b) {
    const auto direct = [&](std::size_t i) {
      return std::find(asking.depends.begin(), asking.depends.end(), packages_[i].name) != asking.depends.end();
    };
    if (direct(a) != direct(b)) return direct(a);
    return packages_[a].size < packages_[b].size;
  });
  if (rest.empty()) return {};
  return {rest.front()};
}

void Selector::close() {
  std::vector<Wanted> open;
  while (true) {
    std::vector<Wanted> batch = std::move(wanted_);
    wanted_.clear();
    batch.insert(batch.end(), open.begin(), open.end());
    open.clear();
    for (Wanted& wanted : batch) {
      if (!satisfy(wanted)) open.push_back(std::move(wanted));
    }
    if (!wanted_.empty()) continue;
    if (open.empty()) return;
    const std::vector<std::size_t> next = next_packages(open);
    if (next.empty()) {
      throw Error{"no package has ",
                  quote(open.front().soname),
                  ", which ",
                  quote(open.front().requester),
                  " of ",
                  packages_[open.front().package].name,
                  " needs"}
          .with_hint("name the package that has it under 'debian.packages'");
    }
    load(next);
  }
}

void Selector::keep(const std::vector<std::string>& names, const std::vector<Pattern>& patterns,
                    const std::vector<std::string>& drop) {
  std::vector<std::size_t> named;
  for (const std::string& name : names) named.push_back(index_of(name));
  load(named);
  for (const Pattern& pattern : patterns) {
    bool matched = false;
    for (const std::size_t index : named) {
      if (index >= packages_.size()) continue;
      for (const DebEntry& entry : *lists_[index]) {
        if (!glob_matches(pattern.text, entry.path)) continue;
        matched = true;
        if (!matches_any(drop, entry.path)) take({index, &entry});
      }
    }
    if (!matched) {
      throw Error{pattern.where.to_string(), ": debian.keep: no file of the named packages matches ",
                  quote(pattern.text)};
    }
  }
  close();
  take_copyrights();
}

void Selector::keep_all(const std::vector<std::string>& drop) {
  std::vector<std::size_t> everything(packages_.size());
  for (std::size_t i = 0; i < everything.size(); ++i) everything[i] = i;
  load(everything);
  for (const std::size_t index : everything) {
    for (const DebEntry& entry : *lists_[index]) {
      if (is_documentation(entry.path) || matches_any(drop, entry.path) || entry.path == "/") continue;
      files_.emplace(entry.path, SelectedFile{index, &entry, entry.path});
    }
  }
  take_copyrights();
}

void Selector::keep_if(const std::function<bool(const DebianPackage&)>& package,
                       const std::function<bool(const DebEntry&)>& file) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < packages_.size(); ++i) {
    if (package(packages_[i])) chosen.push_back(i);
  }
  load(chosen);
  for (const std::size_t index : chosen) {
    for (const DebEntry& entry : *lists_[index]) {
      if (file(entry)) files_.emplace(entry.path, SelectedFile{index, &entry, entry.path});
    }
  }
  take_copyrights();
}

/// Licences ask that their text goes where the program goes. Some packages have a link to the documentation of
/// another built from the same source; that package is then fetched too.
void Selector::take_copyrights() {
  std::set<std::size_t> used;
  for (const auto& [path, file] : files_) used.insert(file.package);
  for (const std::size_t index : used) {
    const std::string directory = concat("/usr/share/doc/", packages_[index].name);
    if (const FileSet::Item* item = all_.find(directory);
        item != nullptr && item->entry->kind == DebEntry::Kind::symlink) {
      load({index_of(std::filesystem::path{item->entry->link}.filename().string())});
    }
    std::vector<const FileSet::Item*> links;
    const FileSet::Item* copyright = all_.resolve(directory + "/copyright", &links);
    if (copyright == nullptr) continue;
    for (const FileSet::Item* link : links) take(*link);
    take(*copyright);
  }
}

std::vector<SelectedFile> Selector::files() const {
  std::vector<SelectedFile> files;
  for (const auto& [path, file] : files_) files.push_back(file);
  return files;
}

const DebEntry* Selector::directory(std::string_view path) const {
  const FileSet::Item* item = all_.find(path);
  return item != nullptr && item->entry->kind == DebEntry::Kind::directory ? item->entry : nullptr;
}

}  // namespace kiln::package
