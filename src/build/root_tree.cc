#include "build/root_tree.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <tuple>

#include "base/error.h"
#include "build/path_order.h"

namespace kiln::build {
namespace {

bool item_less(const RootItem& a, const RootItem& b) {
  if (path_less(a.path, b.path)) return true;
  if (path_less(b.path, a.path)) return false;
  return a.part < b.part;
}

/// Where a symlink at `path` points, as a path from the root; ".." does not leave the root.
std::string resolve_target(std::string_view path, std::string_view target) {
  std::vector<std::string_view> components;
  const auto walk = [&](std::string_view text) {
    while (!text.empty()) {
      const std::size_t slash = text.find('/');
      const std::string_view component = text.substr(0, slash);
      if (component == "..") {
        if (!components.empty()) components.pop_back();
      } else if (!component.empty() && component != ".") {
        components.push_back(component);
      }
      text = slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
    }
  };
  if (!target.starts_with('/')) walk(parent_of(path));
  walk(target);
  std::string out;
  for (const std::string_view component : components) {
    if (!out.empty()) out += '/';
    out += component;
  }
  return out;
}

/// The first symlink that has something below it, if there is one. `items` are sorted.
std::optional<RootItem> symlink_with_content(const std::vector<RootItem>& items) {
  const RootItem* link = nullptr;
  for (const RootItem& item : items) {
    if (link != nullptr && is_below(item.path, link->path)) return *link;
    if (item.entry.kind == tree::Kind::symlink) {
      link = &item;
    } else if (link != nullptr && item.path != link->path) {
      link = nullptr;
    }
  }
  return std::nullopt;
}

/// Directories on the way to `path`, and itself, wanted by nobody in particular but needed in that part.
void add_way(std::vector<RootItem>& items, std::string_view path, std::uint32_t part, const Entry& directory) {
  for (; !path.empty(); path = parent_of(path)) {
    RootItem implied{path, part, directory, true, {}};
    implied.entry.prefix = {};
    implied.entry.path = path;
    items.push_back(implied);
  }
}

/// Moves what is below the symlink to where it points. The directories in its place go, the symlink stays, and a part
/// that had such a directory gets those on the way to the new place: it may stand before the part that made them.
void redirect(std::vector<RootItem>& items, const RootItem& link, std::deque<std::string>& strings) {
  const std::string_view target = strings.emplace_back(resolve_target(link.path, link.target));
  if (target == link.path || is_below(target, link.path)) {
    throw Error{"symlink ", quote(link.path), " points to itself or below itself (", quote(link.target),
                "), and another image or file has content below it"};
  }
  std::vector<RootItem> ways;
  std::erase_if(items, [&](const RootItem& item) {
    if (item.path != link.path || item.entry.kind != tree::Kind::directory) return false;
    add_way(ways, target, item.part, item.entry);
    return true;
  });
  for (RootItem& item : items) {
    if (!is_below(item.path, link.path)) continue;
    item.path = strings.emplace_back(concat(target, item.path.substr(link.path.size())));
    if (target.empty()) item.path.remove_prefix(1);
    item.entry.prefix = {};
    item.entry.path = item.path;
  }
  items.insert(items.end(), ways.begin(), ways.end());
  std::stable_sort(items.begin(), items.end(), item_less);
}

void follow_symlinked_directories(std::vector<RootItem>& items, std::deque<std::string>& strings) {
  // Each round settles one symlink; a chain of them ends, a cycle does not.
  for (int round = 0; const std::optional<RootItem> link = symlink_with_content(items); ++round) {
    if (round == 1000) throw Error{"symlink ", quote(link->path), ": a cycle of symlinks has content below it"};
    redirect(items, *link, strings);
  }
}

/// One path, with all items that want it in part order: the one that has it in the end.
std::optional<RootItem> settle(std::span<const RootItem> wanted) {
  const RootItem& last = wanted.back();
  if (last.entry.kind != tree::Kind::directory) return last;
  // Directories after the last non-directory are one: it stands where it is first needed, with the last description.
  std::size_t first = wanted.size();
  while (first > 0 && wanted[first - 1].entry.kind == tree::Kind::directory) --first;
  const RootItem* description = &wanted[first];
  for (const RootItem& item : wanted.subspan(first)) {
    if (!item.implied) description = &item;
  }
  RootItem out = *description;
  out.part = wanted[first].part;
  return out;
}

}  // namespace

std::vector<RootItem> with_parents(const std::vector<RootItem>& items, const Entry& parent) {
  std::vector<RootItem> out;
  out.reserve(items.size());
  std::vector<std::string_view> open;  // the directories the current item lies in
  for (const RootItem& item : items) {
    while (!open.empty() && !is_below(item.path, open.back())) open.pop_back();
    for (std::size_t slash = item.path.find('/'); slash != std::string_view::npos;
         slash = item.path.find('/', slash + 1)) {
      const std::string_view directory = item.path.substr(0, slash);
      if (!open.empty() && (directory == open.back() || is_below(open.back(), directory))) continue;
      RootItem implied{directory, item.part, parent, true, {}};
      implied.entry.path = directory;
      out.push_back(implied);
      open.push_back(directory);
    }
    if (item.entry.kind == tree::Kind::directory) open.push_back(item.path);
    out.push_back(item);
  }
  return out;
}

std::vector<RootItem> resolve_root(std::vector<RootItem> items, std::deque<std::string>& strings) {
  std::stable_sort(items.begin(), items.end(), item_less);
  follow_symlinked_directories(items, strings);

  std::vector<RootItem> out;
  // The non-directories on the way to the current path, each with the last part that had one there: what earlier
  // parts put below it is gone.
  std::vector<std::pair<std::string_view, std::uint32_t>> cuts;
  for (std::size_t begin = 0, end = 0; begin < items.size(); begin = end) {
    const std::string_view path = items[begin].path;
    while (end < items.size() && items[end].path == path) ++end;
    while (!cuts.empty() && !is_below(path, cuts.back().first)) cuts.pop_back();
    std::vector<RootItem> wanted{items.begin() + static_cast<std::ptrdiff_t>(begin),
                                 items.begin() + static_cast<std::ptrdiff_t>(end)};
    std::erase_if(wanted, [&](const RootItem& item) {
      return std::any_of(cuts.begin(), cuts.end(), [&](const auto& cut) { return item.part <= cut.second; });
    });
    if (wanted.empty()) continue;
    for (const RootItem& item : wanted) {
      if (item.entry.kind == tree::Kind::directory) continue;
      if (cuts.empty() || cuts.back().first != path) cuts.emplace_back(path, item.part);
      cuts.back().second = item.part;
    }
    if (const std::optional<RootItem> winner = settle(wanted)) out.push_back(*winner);
  }
  std::stable_sort(out.begin(), out.end(), [](const RootItem& a, const RootItem& b) { return a.part < b.part; });
  return out;
}

}  // namespace kiln::build
