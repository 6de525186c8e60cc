#include "build/plan.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "build/path_order.h"
#include "build/plan_pieces.h"
#include "build/root_tree.h"
#include "tree/merge.h"

namespace kiln::build {
namespace {

using tree::Kind;

/// Kernels take 2 to 4 KiB; this is room for whatever comes.
constexpr std::size_t kLongestCmdline = 64 * 1024;

class Planner {
 public:
  Planner(const ResolvedSystem& system, Layers& layers) : system_{system} {
    plan_.layers = &layers;
    directory_ = generate(Kind::directory, 0755, {});
  }

  Plan make() {
    add_kernel();
    for (std::size_t i = 0; i < system_.init.size(); ++i) add_init(i);
    add_apk_database();
    for (const ResolvedVolume& volume : system_.volumes) add_volume(volume);
    for (const ResolvedContainer& container : system_.containers) add_container(container);
    add_files();
    add_root_files();
    resolve_overrides();
    return std::move(plan_);
  }

 private:
  // Generated entries.
  Entry generate(Kind kind, std::uint32_t mode, std::string_view content) {
    Generated file;
    file.kind = kind;
    file.meta.mode = mode;
    file.meta.mtime = kFixedTime;
    file.content = content;
    return add_generated(std::move(file));
  }

  Entry add_generated(Generated file) {
    Entry entry;
    entry.kind = file.kind;
    entry.entry = static_cast<std::uint32_t>(plan_.generated.size());
    plan_.generated.push_back(std::move(file));
    return entry;
  }

  std::string_view keep(std::string text) { return plan_.strings.emplace_back(std::move(text)); }

  std::uint32_t begin_part(std::string name, Part::Shares shares) {
    plan_.parts.push_back({std::move(name), {}, shares});
    trees_.emplace_back();
    return static_cast<std::uint32_t>(plan_.parts.size() - 1);
  }

  RootItem item(std::uint32_t part, std::string_view path, Entry entry) const {
    entry.path = path;
    std::string_view target;
    if (entry.kind == Kind::symlink) {
      target = entry.layer == kGenerated ? std::string_view{plan_.generated[entry.entry].content}
                                         : plan_.layers->layer(entry.layer).index.entry(entry.entry).link;
    }
    return {path, part, entry, false, target};
  }

  /// Takes the items of one part, in any order.
  void add_root_items(std::vector<RootItem> items, const Entry& parent) {
    std::stable_sort(items.begin(), items.end(),
                     [](const auto& a, const auto& b) { return path_less(a.path, b.path); });
    items = with_parents(items, parent);
    root_.insert(root_.end(), items.begin(), items.end());
  }

  // Images.
  /// What every image's tree contains whatever the image says, sorted (spec layout.md §3.3).
  std::vector<Entry> fixed_files(Role role) {
    const auto resolver = role == Role::container ? generate(Kind::regular, 0644, kNoResolver)
                                                  : generate(Kind::symlink, 0777, kResolverLink);
    std::vector<Entry> fixed;
    const auto add = [&](std::string_view path, Entry entry) {
      entry.path = path;
      fixed.push_back(entry);
    };
    add("dev", directory_);
    add("dev/pts", directory_);
    add("dev/shm", directory_);
    add("etc", directory_);
    add("etc/hosts", generate(Kind::regular, 0644, kHosts));
    add("etc/mtab", generate(Kind::symlink, 0777, kMounts));
    add("etc/resolv.conf", resolver);
    add("proc", directory_);
    add("sys", directory_);
    return fixed;
  }

  /// The tree of an image with the fixed files in it, sorted, parents included.
  std::vector<Entry> flatten(const oci::Image& image, Role role) {
    const std::vector<std::uint32_t> layers = plan_.layers->of_image(image);
    const std::vector<Entry> fixed = fixed_files(role);
    std::vector<Entry> out;
    auto next = fixed.begin();
    std::string_view replaced;  // a fixed non-directory that took the place of a directory: its content goes
    for (const tree::Node& node : merge_image(*plan_.layers, layers, image)) {
      while (next != fixed.end() && path_less(next->path, node.path)) out.push_back(*next++);
      if (next != fixed.end() && next->path == node.path) {
        const bool image_wins = node.path == "etc/mtab";
        out.push_back(image_wins ? entry_of(node, layers) : *next);
        if (image_wins) out.back().header = Entry::Header::fixed_time;
        if (out.back().kind != Kind::directory) replaced = node.path;
        ++next;
        continue;
      }
      if (node.path.empty() || is_dropped(node.path) || (!replaced.empty() && is_below(node.path, replaced))) continue;
      out.push_back(entry_of(node, layers));
    }
    out.insert(out.end(), next, fixed.end());
    return with_parent_entries(std::move(out));
  }

  std::vector<Entry> with_parent_entries(std::vector<Entry> entries) const {
    std::vector<RootItem> items;
    items.reserve(entries.size());
    for (const Entry& entry : entries) items.push_back({entry.path, 0, entry, false, {}});
    items = with_parents(items, directory_);
    if (items.size() == entries.size()) return entries;
    entries.clear();
    for (const RootItem& with_parent : items) entries.push_back(with_parent.entry);
    return entries;
  }

  // Parts.
  void add_kernel() {
    if (!system_.kernel) return;
    if (system_.kernel->reused) return add_reused_kernel(*system_.kernel);
    const oci::Image& image = *system_.kernel->image;
    const std::vector<std::uint32_t> layers = plan_.layers->of_image(image);
    const KernelFiles files = find_kernel_files(*system_.kernel, merge_image(*plan_.layers, layers, image), layers);
    plan_.boot = {files.kernel, files.ucode, system_.kernel->config.cmdline, {}};
    const std::uint32_t part = begin_part("kernel", Part::Shares::nothing);
    std::vector<RootItem> items{item(part, "boot", directory_)};
    if (files.tar) {
      const std::vector<std::uint32_t> modules{plan_.layers->nested(files.tar->layer, files.tar->entry)};
      for (const tree::Node& node : merge_image(*plan_.layers, modules, image)) {
        if (!node.path.empty()) items.push_back(item(part, node.path, entry_of(node, modules)));
      }
    }
    add_root_items(std::move(items), directory_);
  }

  void add_reused_kernel(const ResolvedKernel& kernel) {
    plan_.boot.cmdline = kernel.config.cmdline;
    const std::uint32_t part = begin_part("kernel", Part::Shares::nothing);
    std::vector<RootItem> items;
    for (const Entry& entry : reused_files(*kernel.reused, plan_)) {
      if (entry.path == "boot/kernel") {
        plan_.boot.kernel = entry;
      } else if (entry.path == "boot/ucode.cpio") {
        plan_.boot.ucode = entry;
      } else if (entry.path != "boot/cmdline") {
        items.push_back(item(part, entry.path, entry));
      }
    }
    add_root_items(std::move(items), directory_);
  }

  /// A part of an earlier build as it was there.
  void add_reused(std::string name, const ReusedPart& reused, Part::Shares shares) {
    const std::uint32_t part = begin_part(std::move(name), shares);
    std::vector<RootItem> items;
    for (const Entry& entry : reused_files(reused, plan_)) {
      items.push_back(item(part, entry.path, entry));
      note_apk_database(entry);
    }
    add_root_items(std::move(items), directory_);
  }

  void note_apk_database(const Entry& entry) {
    if (entry.path == kApkDatabase && entry.kind == Kind::regular) apk_databases_.push_back(entry);
  }

  void add_init(std::size_t i) {
    if (system_.init[i].reused) {
      add_reused(concat("init ", i), *system_.init[i].reused, Part::Shares::programs);
      return;
    }
    const oci::Image& image = *system_.init[i].image;
    const std::uint32_t part = begin_part(concat("init ", image.reference.canonical()), Part::Shares::programs);
    std::vector<RootItem> items;
    for (const Entry& entry : flatten(image, Role::init)) {
      items.push_back(item(part, entry.path, entry));
      note_apk_database(entry);
    }
    add_root_items(std::move(items), directory_);
  }

  /// Each init image comes with the database of its own packages: the root gets those of all (spec layout.md §5.1).
  void add_apk_database() {
    if (apk_databases_.size() < 2) return;
    const std::uint32_t part = begin_part("init apk database", Part::Shares::nothing);
    add_root_items({item(part, kApkDatabase, add_generated(merged_apk_database(plan_, apk_databases_)))}, directory_);
  }

  // Volumes.
  void add_volume(const ResolvedVolume& volume) {
    if (volume.reused) {
      add_reused(concat("volumes/", volume.name), *volume.reused, Part::Shares::everything);
      return;
    }
    const std::uint32_t part = begin_part(concat("volumes/", volume.name), Part::Shares::everything);
    const std::string_view lower = keep(volume.directory + "/lower");
    std::vector<RootItem> items{item(part, lower, directory_), item(part, keep(volume.directory + "/tmp"), directory_),
                                item(part, keep(volume.directory + "/merged"), directory_)};
    const std::string_view prefix = keep(concat(lower, "/"));
    for (const VolumeFile& file : volume.layout) {
      const std::string_view path = without_slash(keep(concat(prefix, file.path)));
      items.push_back(item(part, path, add_generated(generated_volume_file(file, plan_.layers->store()))));
    }
    if (volume.image != nullptr) {
      trees_[part] = flatten(*volume.image, Role::volume);
      for (Entry& entry : trees_[part]) entry.prefix = prefix;
    }
    add_root_items(std::move(items), directory_);
  }

  // Containers.
  void add_container(const ResolvedContainer& container) {
    if (container.reused) {
      add_reused(concat(container.section, "/", container.name), *container.reused, Part::Shares::everything);
      return;
    }
    const std::uint32_t part = begin_part(concat(container.section, "/", container.name), Part::Shares::everything);
    const std::string_view directory = keep(container.directory);
    std::vector<RootItem> items{item(part, directory, directory_)};
    const auto add = [&](std::string_view name, const Entry& entry) {
      items.push_back(item(part, keep(concat(directory, "/", name)), entry));
    };
    add("config.json", generate(Kind::regular, 0644, container.config_json));
    add("runtime.json", generate(Kind::regular, 0644, container.runtime_json));
    if (!container.readonly) add("tmp", directory_);
    if (!container.readonly || !container.owns_root) add("rootfs", directory_);
    if (container.owns_root) {
      items.push_back(item(part, keep(container.root), directory_));
      const std::string_view prefix = keep(container.root + "/");
      trees_[part] = flatten(*container.image, Role::container);
      for (Entry& entry : trees_[part]) entry.prefix = prefix;
    }
    add_root_items(std::move(items), directory_);
  }

  void add_files() {
    if (system_.files.empty()) return;
    const std::uint32_t part = begin_part("files", Part::Shares::nothing);
    std::vector<RootItem> items;
    for (const ResolvedFile& resolved : system_.files) {
      const std::string_view path = keep(resolved.config.path);
      Generated generated = generated_file(resolved);
      const bool is_boot_file = take_boot_file(path, generated);
      std::erase_if(items, [&](const RootItem& earlier) { return earlier.path == path; });
      if (!is_boot_file) items.push_back(item(part, path, add_generated(std::move(generated))));
      add_file_parents(items, part, path, add_generated(generated_parent(resolved)));
    }
    add_root_items(std::move(items), directory_);
  }

  void add_root_files() {
    if (system_.root_files.empty()) return;
    const std::uint32_t part = begin_part("root files", Part::Shares::nothing);
    std::vector<RootItem> items;
    for (const RootFile& file : system_.root_files) {
      items.push_back(item(part, keep(file.path), generate(Kind::regular, 0644, file.content)));
    }
    add_root_items(std::move(items), directory_);
  }

  /// Kernel, command line and microcode are outputs of their own beside an initramfs; `files:` may replace them.
  bool take_boot_file(std::string_view path, const Generated& file) {
    std::optional<Entry>* place = path == "boot/kernel"       ? &plan_.boot.kernel
                                  : path == "boot/ucode.cpio" ? &plan_.boot.ucode
                                  : path == "boot/cmdline"    ? &plan_.boot.cmdline_file
                                                              : nullptr;
    if (place == nullptr) return false;
    if (file.kind != Kind::regular)
      throw Error{"file ", quote(path), " must be a plain file: it is read by the boot loader"};
    *place = add_generated(file);
    if (place == &plan_.boot.cmdline_file) {
      plan_.boot.cmdline = file.source ? kiln::read_file(file.source->path, kLongestCmdline) : file.content;
    }
    return true;
  }

  /// The parents of a file take its owner and mode, unless an image or an earlier file has them.
  void add_file_parents(std::vector<RootItem>& items, std::uint32_t part, std::string_view path, const Entry& parent) {
    for (std::string_view up = parent_of(path); !up.empty(); up = parent_of(up)) {
      if (std::any_of(items.begin(), items.end(), [&](const RootItem& known) { return known.path == up; })) continue;
      RootItem implied = item(part, up, parent);
      implied.implied = true;
      items.push_back(implied);
    }
  }

  // Overrides.
  void resolve_overrides() {
    std::stable_sort(root_.begin(), root_.end(),
                     [](const auto& a, const auto& b) { return path_less(a.path, b.path); });
    mix_in_contested_trees();
    for (const RootItem& winner : resolve_root(std::move(root_), plan_.strings)) {
      plan_.parts[winner.part].entries.push_back(winner.entry);
    }
    for (std::size_t part = 0; part < trees_.size(); ++part) {
      std::vector<Entry>& entries = plan_.parts[part].entries;
      entries.insert(entries.end(), trees_[part].begin(), trees_[part].end());
      trees_[part] = {};
    }
  }

  /// The trees of containers lie apart and cannot override each other. Only where another part reaches into one (a
  /// `files:` entry below containers/) must its entries take part in resolving.
  void mix_in_contested_trees() {
    std::vector<RootItem> contested;
    for (std::uint32_t part = 0; part < trees_.size(); ++part) {
      if (trees_[part].empty()) continue;
      const std::string_view root = trees_[part].front().prefix.substr(0, trees_[part].front().prefix.size() - 1);
      const bool reached = std::any_of(root_.begin(), root_.end(), [&](const RootItem& other) {
        return is_below(other.path, root) || (other.path == root && other.part != part);
      });
      if (!reached) continue;
      for (const Entry& entry : trees_[part]) {
        RootItem moved = item(part, entry.path, entry);
        moved.path = keep(entry.full_path());
        moved.entry.prefix = {};
        moved.entry.path = moved.path;
        contested.push_back(moved);
      }
      trees_[part] = {};
    }
    root_.insert(root_.end(), contested.begin(), contested.end());
  }

  const ResolvedSystem& system_;
  Plan plan_;
  Entry directory_;                        ///< a generated directory 0755 0:0
  std::vector<Entry> apk_databases_;       ///< of init images
  std::vector<RootItem> root_;             ///< of all parts, but for the containers' own trees
  std::vector<std::vector<Entry>> trees_;  ///< by part: the containers' own trees
};

}  // namespace

std::string Entry::full_path() const { return concat(prefix, path); }

tree::Metadata Plan::metadata(const Entry& entry) const {
  return entry.layer == kGenerated ? generated[entry.entry].meta : layer_entry(entry).meta;
}

tree::LayerEntry Plan::layer_entry(const Entry& entry) const {
  tree::LayerEntry file = layers->layer(entry.layer).index.entry(entry.entry);
  if (entry.header == Entry::Header::own) return file;
  file.meta.mtime = kFixedTime;
  file.meta.mtime_nsec = 0;
  if (entry.header == Entry::Header::fixed_time) return file;
  file.meta.uid = file.meta.gid = 0;
  file.user_name = file.group_name = {};
  file.xattrs.clear();
  return file;
}

std::uint64_t Plan::content_size(const Entry& entry) const {
  if (entry.layer != kGenerated) return layers->layer(entry.layer).index.content_size(entry.entry);
  const Generated& file = generated[entry.entry];
  return file.source ? file.source->size : file.content.size();
}

Plan make_plan(const ResolvedSystem& system, Layers& layers) { return Planner{system, layers}.make(); }

}  // namespace kiln::build
