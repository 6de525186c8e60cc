#include "package/file_set.h"

#include <filesystem>

namespace kiln::package {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's MAXSYMLINKS

}  // namespace

void FileSet::add(std::size_t package, const std::vector<DebEntry>& entries) {
  for (const DebEntry& entry : entries) items_.emplace(entry.path, Item{package, &entry});
}

const FileSet::Item* FileSet::find(std::string_view path) const {
  const auto found = items_.find(path);
  return found == items_.end() ? nullptr : &found->second;
}

const FileSet::Item* FileSet::resolve(std::string_view path, std::vector<const Item*>* links) const {
  namespace fs = std::filesystem;
  fs::path rest{canonical_path(fs::path{path}.lexically_normal().string())};
  for (int followed = 0; followed <= kMostLinks; ++followed) {
    fs::path done{"/"};
    const Item* link = nullptr;
    auto part = ++rest.begin();
    for (; part != rest.end(); ++part) {
      const Item* item = find((done / *part).string());
      if (item != nullptr && item->entry->kind == DebEntry::Kind::symlink) {
        link = item;
        break;
      }
      done /= *part;
    }
    if (link == nullptr) return find(done.string());
    if (links != nullptr) links->push_back(link);
    fs::path next = done / link->entry->link;  // an absolute target replaces what was done
    for (++part; part != rest.end(); ++part) next /= *part;
    rest = canonical_path(next.lexically_normal().string());
  }
  return nullptr;
}

}  // namespace kiln::package
