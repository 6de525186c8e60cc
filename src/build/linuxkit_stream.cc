#include "build/linuxkit_stream.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "build/path_order.h"
#include "build/plan_pieces.h"

namespace kiln::build {
namespace {

using tree::Kind;

/// Links and devices belong to image and container; these two directories are in every tree anyway.
bool is_dropped_from_stream(std::string_view path) {
  return is_dropped(path) || path == "dev/pts" || path == "dev/shm";
}

/// From the top layer down, each in the order of its tar.
std::vector<tree::Node> in_stream_order(std::vector<tree::Node> nodes) {
  std::sort(nodes.begin(), nodes.end(), [](const tree::Node& a, const tree::Node& b) {
    return a.layer != b.layer ? a.layer > b.layer : a.entry < b.entry;
  });
  return nodes;
}

class StreamPlanner {
 public:
  StreamPlanner(const ResolvedSystem& system, Layers& layers) : system_{system} { plan_.layers = &layers; }

  Plan make() {
    add_kernel();
    for (std::size_t i = 0; i < system_.init.size(); ++i) add_init(i);
    add_apk_database();
    for (std::size_t i = 0; i < system_.volumes.size(); ++i) add_volume(system_.volumes[i], i);
    for (const ResolvedContainer& container : system_.containers) add_container(container);
    for (const ResolvedFile& file : system_.files) add_file(file);
    begin_part("root files", {}, {});
    for (const RootFile& file : system_.root_files) {
      add(keep(file.path), made(Kind::regular, 0644, file.content));
    }
    return std::move(plan_);
  }

 private:
  std::string_view keep(std::string text) { return plan_.strings.emplace_back(std::move(text)); }

  void begin_part(std::string name, std::string source, std::string location) {
    plan_.parts.push_back({std::move(name), {}, Part::Shares::nothing, std::move(source), std::move(location)});
  }

  // Entries.
  void add(Entry entry) { plan_.parts.back().entries.push_back(entry); }

  void add(std::string_view path, Generated file) {
    Entry entry;
    entry.path = path;
    entry.kind = file.kind;
    entry.entry = static_cast<std::uint32_t>(plan_.generated.size());
    plan_.generated.push_back(std::move(file));
    add(entry);
  }

  static Generated made(Kind kind, std::uint32_t mode, std::string_view content = {}) {
    Generated file;
    file.kind = kind;
    file.meta.mode = mode;
    file.meta.mtime = kFixedTime;
    file.content = content;
    return file;
  }

  void add_directory(std::string path) { add(keep(std::move(path)), made(Kind::directory, 0755)); }

  /// The directory and all above it, again for every part that has it.
  void add_way(std::string_view directory) {
    for (std::size_t slash = directory.find('/'); slash != std::string_view::npos;
         slash = directory.find('/', slash + 1)) {
      add_directory(std::string{directory.substr(0, slash)});
    }
    add_directory(std::string{directory});
  }

  // Images.
  const tree::LayerEntry layer_entry(std::uint32_t layer, std::uint32_t entry) const {
    return plan_.layers->layer(layer).index.entry(entry);
  }

  /// An image entry with other content: its mode, owner and names stay.
  Generated replaced(const Entry& entry, Kind kind, std::string_view content) const {
    const tree::LayerEntry file = layer_entry(entry.layer, entry.entry);
    Generated out = made(kind, file.meta.mode, content);
    out.meta.uid = file.meta.uid;
    out.meta.gid = file.meta.gid;
    out.user_name = file.user_name;
    out.group_name = file.group_name;
    return out;
  }

  void add_resolver(std::string_view path, const Entry& of_image, Role role) {
    if (role != Role::container) return add(path, replaced(of_image, Kind::symlink, kResolverLink));
    if (of_image.kind == Kind::regular) add(path, replaced(of_image, Kind::regular, kNoResolver));
  }

  /// The paths of an image's inodes in the stream: where the first name of each stands.
  using FirstNames = std::map<std::pair<std::uint32_t, std::uint32_t>, std::string_view>;

  /// One name of a file with several: the first carries the content, the others are links to it.
  void add_linked(const tree::Node& node, std::span<const std::uint32_t> layers, std::string_view prefix,
                  FirstNames& first_names) {
    Entry entry = entry_of(node, layers);
    entry.prefix = prefix;
    const auto [first, is_new] = first_names.try_emplace({node.target_layer, node.target_entry}, node.path);
    if (is_new) return add(entry);
    entry.layer = layers[node.layer];
    entry.entry = node.entry;
    const tree::LayerEntry own = layer_entry(entry.layer, entry.entry);
    if (own.kind == Kind::hard_link && own.link == first->second) {
      entry.kind = Kind::hard_link;
      return add(entry);
    }
    Generated link = replaced(entry, Kind::hard_link, concat(prefix, first->second));
    link.meta = own.meta;
    add(keep(entry.full_path()), std::move(link));
  }

  void add_node(const tree::Node& node, std::span<const std::uint32_t> layers, std::string_view prefix, Role role,
                FirstNames& first_names) {
    if (is_dropped_from_stream(node.path)) return;
    Entry entry = entry_of(node, layers);
    entry.prefix = prefix;
    if (node.path.empty()) entry.path = ".";
    if (node.path == "etc/hosts") {
      if (node.kind == Kind::regular) add(keep(entry.full_path()), replaced(entry, Kind::regular, kHosts));
      return;
    }
    if (node.path == "etc/resolv.conf") return add_resolver(keep(entry.full_path()), entry, role);
    if (node.path == "etc/mtab") entry.header = Entry::Header::fixed_time;
    node.linked ? add_linked(node, layers, prefix, first_names) : add(entry);
  }

  void add_fixed_files(std::string_view prefix, Role role, bool has_mtab) {
    const auto fixed = [&](std::string_view path, Generated file) { add(keep(concat(prefix, path)), std::move(file)); };
    for (const char* directory : {"dev", "dev/pts", "dev/shm", "etc"}) fixed(directory, made(Kind::directory, 0755));
    fixed("etc/hosts", made(Kind::regular, 0644, kHosts));
    if (!has_mtab) fixed("etc/mtab", made(Kind::symlink, 0755, kMounts));
    fixed("etc/resolv.conf",
          role == Role::container ? made(Kind::regular, 0644, kNoResolver) : made(Kind::symlink, 0644, kResolverLink));
    for (const char* directory : {"proc", "sys"}) fixed(directory, made(Kind::directory, 0755));
  }

  /// An image below `prefix`, which is empty or ends in '/'.
  void add_image(const oci::Image& image, std::string_view prefix, Role role) {
    const std::vector<std::uint32_t> layers = plan_.layers->of_image(image);
    const std::vector<tree::Node> nodes = in_stream_order(merge_image(*plan_.layers, layers, image));
    FirstNames first_names;
    bool has_mtab = false;
    for (const tree::Node& node : nodes) {
      has_mtab |= node.path == "etc/mtab";
      add_node(node, layers, prefix, role, first_names);
    }
    add_fixed_files(prefix, role, has_mtab);
  }

  // Parts.
  void add_kernel() {
    if (!system_.kernel) return;
    if (system_.kernel->reused) {
      plan_.boot.cmdline = system_.kernel->config.cmdline;
      return add_reused("kernel", *system_.kernel->reused);
    }
    const oci::Image& image = *system_.kernel->image;
    const std::vector<std::uint32_t> layers = plan_.layers->of_image(image);
    const std::vector<tree::Node> nodes = merge_image(*plan_.layers, layers, image);
    const KernelFiles files = find_kernel_files(*system_.kernel, nodes, layers);
    plan_.boot = {files.kernel, files.ucode, system_.kernel->config.cmdline, {}};
    begin_part("kernel", image.reference.canonical(), "kernel");
    bool has_boot = false;
    const auto is = [&](const tree::Node& node, const std::optional<Entry>& file) {
      return file && file->path == node.path;
    };
    for (const tree::Node& node : in_stream_order(nodes)) {
      if (is(node, files.tar)) add_kernel_tar(*files.tar);
      if (!is(node, files.kernel) && !is(node, files.ucode)) continue;
      if (!std::exchange(has_boot, true)) add_directory("boot");
      if (is(node, files.ucode)) add_boot_file("boot/ucode.cpio", *files.ucode);
      if (!is(node, files.kernel)) continue;
      add("boot/cmdline", made(Kind::regular, 0644, plan_.boot.cmdline));
      add_boot_file("boot/kernel", files.kernel);
    }
  }

  void add_boot_file(std::string_view path, Entry entry) {
    entry.path = path;
    entry.header = Entry::Header::made;
    add(entry);
  }

  /// As it is, with the names it has: duplicates, "./", links and all.
  void add_kernel_tar(const Entry& tar) {
    const std::uint32_t number = plan_.layers->nested(tar.layer, tar.entry);
    const tree::LayerIndex& index = plan_.layers->layer(number).index;
    for (std::uint32_t i = 0; i < index.size(); ++i) {
      Entry entry;
      entry.path = keep(index.as_written(i).path);
      entry.layer = number;
      entry.entry = i;
      entry.kind = index.entry(i).kind;
      add(entry);
    }
  }

  /// A part of an earlier build, to the last record.
  void add_reused(std::string name, const ReusedPart& reused) {
    begin_part(std::move(name), {}, {});
    plan_.parts.back().verbatim = true;
    plan_.parts.back().entries = reused_entries(reused, plan_);
    for (const Entry& entry : plan_.parts.back().entries) {
      if (entry.path == "boot/kernel") plan_.boot.kernel = entry;
    }
  }

  void add_init(std::size_t i) {
    const ResolvedInit& init = system_.init[i];
    if (init.reused) {
      add_reused(concat("init ", i), *init.reused);
    } else {
      const std::string name = init.image->reference.canonical();
      begin_part(concat("init ", name), name, concat("init[", i, "]"));
      add_image(*init.image, {}, Role::init);
    }
    for (const Entry& entry : plan_.parts.back().entries) {
      if (entry.path == kApkDatabase && entry.kind == Kind::regular) apk_databases_.push_back(entry);
    }
  }

  void add_apk_database() {
    if (apk_databases_.size() < 2) return;
    begin_part("init apk database", "LINUXKIT.apkinit", "init");
    add(kApkDatabase, merged_apk_database(plan_, apk_databases_));
  }

  void add_volume(const ResolvedVolume& volume, std::size_t i) {
    if (volume.reused) return add_reused(concat("volumes/", volume.name), *volume.reused);
    const std::string location = concat("volume[", i, "]");
    begin_part(concat("volumes/", volume.name), volume.source, location);
    const std::string_view lower = keep(volume.directory + "/lower");
    add_way(lower);
    const std::string_view prefix = keep(concat(lower, "/"));
    if (volume.image != nullptr) add_image(*volume.image, prefix, Role::volume);
    for (const VolumeFile& file : volume.layout)
      add(keep(concat(prefix, file.path)), generated_volume_file(file, plan_.layers->store()));
    begin_part(concat("volumes/", volume.name), "linuxkit.volumes", location);
    add_directory(volume.directory + "/tmp/");
    add_directory(volume.directory + "/merged/");
  }

  void add_container(const ResolvedContainer& container) {
    if (container.reused) return add_reused(concat(container.section, "/", container.name), *container.reused);
    begin_part(concat(container.section, "/", container.name), container.image->reference.canonical(),
               concat(container.section, "[", container.position, "]"));
    if (container.owns_root) {
      add_way(container.root);
      add_image(*container.image, keep(container.root + "/"), Role::container);
    } else {
      add_way(container.directory);
    }
    add(keep(container.directory + "/config.json"), made(Kind::regular, 0644, container.config_json));
    if (!container.readonly) add_directory(container.directory + "/tmp");
    if (!container.readonly || !container.owns_root) add_directory(container.directory + "/rootfs");
    add(keep(container.directory + "/runtime.json"), made(Kind::regular, 0644, container.runtime_json));
  }

  void add_file(const ResolvedFile& file) {
    begin_part("files", "linuxkit.files", concat("files[", file.position, "]"));
    const std::string_view path = keep(file.config.path);
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
      const std::string_view directory = path.substr(0, slash);
      if (!directory.empty() && file_directories_.insert(directory).second) add(directory, generated_parent(file));
    }
    if (file.config.kind == config::File::Kind::directory) file_directories_.insert(path);
    add(path, generated_file(file));
  }

  const ResolvedSystem& system_;
  Plan plan_;
  std::vector<Entry> apk_databases_;             ///< of init images
  std::set<std::string_view> file_directories_;  ///< that `files:` has made
};

}  // namespace

Plan make_linuxkit_stream(const ResolvedSystem& system, Layers& layers) { return StreamPlanner{system, layers}.make(); }

}  // namespace kiln::build
