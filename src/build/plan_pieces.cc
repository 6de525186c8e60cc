#include "build/plan_pieces.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "build/path_order.h"

namespace kiln::build {
namespace {

using tree::Kind;

std::uint32_t with_execute(std::uint32_t mode) {
  std::uint32_t out = mode;
  for (const std::uint32_t shift : {0U, 3U, 6U}) {
    if ((mode >> shift & 7) != 0) out |= 1U << shift;
  }
  return out;
}

}  // namespace

bool is_dropped(std::string_view path) {
  return path == ".dockerenv" || path == "Dockerfile" || path == "dev/console" || path == "etc/hostname";
}

std::vector<tree::Node> merge_image(const Layers& layers, std::span<const std::uint32_t> numbers,
                                    const oci::Image& image) {
  std::vector<const tree::LayerIndex*> indexes;
  for (const std::uint32_t number : numbers) indexes.push_back(&layers.layer(number).index);
  try {
    return tree::merge(indexes);
  } catch (const Error& error) {
    throw error.within("image ", quote(image.reference.canonical()));
  }
}

Entry entry_of(const tree::Node& node, std::span<const std::uint32_t> layers) {
  Entry entry;
  entry.path = node.path;
  entry.layer = layers[node.target_layer];
  entry.entry = node.target_entry;
  entry.kind = node.kind;
  entry.linked = node.linked;
  return entry;
}

KernelFiles find_kernel_files(const ResolvedKernel& kernel, std::span<const tree::Node> nodes,
                              std::span<const std::uint32_t> layers) {
  const config::Kernel& config = kernel.config;
  const std::string name = quote(kernel.image->reference.canonical());
  const auto find = [&](std::string_view path) -> std::optional<Entry> {
    const auto node = std::lower_bound(nodes.begin(), nodes.end(), path,
                                       [](const tree::Node& a, std::string_view b) { return path_less(a.path, b); });
    if (node == nodes.end() || node->path != path || node->kind != Kind::regular) return std::nullopt;
    return entry_of(*node, layers);
  };
  const std::string binary = config.binary.empty() ? "kernel" : config.binary;
  KernelFiles files;
  const std::optional<Entry> found = find(binary);
  if (!found) {
    throw Error{config.where.to_string(), ": did not find kernel in kernel image ", name, ": it has no file ",
                quote(binary)}
        .with_hint("say with `binary:` what the kernel's file is called");
  }
  files.kernel = *found;
  if (config.ucode && !config.ucode->empty()) files.ucode = find(*config.ucode);
  const std::string tar_name = config.tar.value_or("kernel.tar");
  if (tar_name.empty() || tar_name == "none") return files;
  files.tar = find(tar_name);
  if (!files.tar) {
    throw Error{config.where.to_string(), ": did not find kernel tar in kernel image ", name, ": it has no file ",
                quote(tar_name)}
        .with_hint("say with `tar:` what the modules' tar is called, or `tar: none` if there is none");
  }
  return files;
}

Generated generated_file(const ResolvedFile& file) {
  Generated out;
  out.meta.mode = file.config.mode;
  out.meta.uid = file.uid;
  out.meta.gid = file.gid;
  out.meta.mtime = kFixedTime;
  switch (file.config.kind) {
    case config::File::Kind::directory:
      out.kind = Kind::directory;
      break;
    case config::File::Kind::symlink:
      out.kind = Kind::symlink;
      out.content = file.config.symlink;
      break;
    default:
      out.content = file.config.contents.value_or("");
      out.source = file.source;
  }
  return out;
}

Generated generated_parent(const ResolvedFile& file) {
  Generated out;
  out.kind = Kind::directory;
  out.meta.mode = with_execute(file.config.mode);
  out.meta.uid = file.uid;
  out.meta.gid = file.gid;
  out.meta.mtime = kFixedTime;
  return out;
}

Generated generated_volume_file(const VolumeFile& file, const oci::Store& store) {
  const bool directory = file.path.ends_with('/');
  Generated out;
  out.kind = directory ? Kind::directory : Kind::regular;
  out.meta.mode = directory ? 0755 : 0644;
  out.content = file.content;
  if (file.blob) {
    out.source = HostFile{store.blob_path(file.blob->digest).native(), file.blob->size, file.blob->digest.sha256()};
  }
  return out;
}

std::vector<Entry> reused_entries(const ReusedPart& part, Plan& plan) {
  const std::uint32_t layer = plan.layers->of_tar(part.tar);
  const tree::LayerIndex& index = plan.layers->layer(layer).index;
  std::vector<Entry> entries;
  for (const std::uint32_t i : part.entries) {
    Entry entry;
    entry.path = plan.strings.emplace_back(index.as_written(i).path);
    entry.layer = layer;
    entry.entry = i;
    entry.kind = index.summary(i).kind;
    entries.push_back(entry);
  }
  return entries;
}

std::vector<Entry> reused_files(const ReusedPart& part, Plan& plan) {
  const std::uint32_t layer = plan.layers->of_tar(part.tar);
  const tree::LayerIndex& index = plan.layers->layer(layer).index;
  std::map<std::string_view, Entry> files;
  for (const std::uint32_t i : part.entries) {
    Entry entry;
    entry.path = index.path(i);
    entry.layer = layer;
    entry.entry = i;
    entry.kind = index.summary(i).kind;
    if (entry.path.empty()) continue;
    if (entry.kind == Kind::hard_link) {
      const auto target = files.find(index.link(i));
      if (target == files.end()) {
        throw Error{quote(entry.path),
                    " in ",
                    quote(part.tar.path.native()),
                    ": the target ",
                    quote(index.link(i)),
                    " of this hard link is not before it in ",
                    part.location};
      }
      target->second.linked = true;
      const std::string_view path = entry.path;
      entry = target->second;
      entry.path = path;
    }
    files.insert_or_assign(entry.path, entry);
  }
  std::vector<Entry> out;
  for (const auto& [path, entry] : files) out.push_back(entry);
  return out;
}

Generated merged_apk_database(const Plan& plan, std::span<const Entry> databases) {
  Generated out;
  out.meta.mode = 0644;
  for (const Entry& database : databases)
    out.content += plan.layers->read_file(database.layer, database.entry) + "\n\n";
  return out;
}

}  // namespace kiln::build
