#include "config/volumes.h"

#include "base/error.h"
#include "config/nearest.h"

namespace kiln::config {
namespace {

std::string merged_directory(std::string_view volume) { return concat("/containers/volumes/", volume, "/merged"); }

bool is_volume_name(std::string_view source) { return !source.starts_with('/'); }

bool is_volume_bind(std::string_view bind) {
  return bind.find(':') != std::string_view::npos && is_volume_name(bind.substr(0, bind.find(':')));
}

/// The third part of a bind is exactly `ro`.
bool is_read_only_bind(std::string_view bind) {
  const std::size_t options = bind.find(':', bind.find(':') + 1);
  return options != std::string_view::npos && bind.substr(options + 1) == "ro";
}

bool is_volume_mount(const Mount& mount) { return mount.type == "bind" && is_volume_name(mount.source); }

/// An `ro` comes before any `rw`.
bool is_read_only_mount(const Mount& mount) {
  for (const std::string& option : mount.options)
    if (option == "ro" || option == "rw") return option == "ro";
  return false;
}

void collect_binds(const Decoder& decoder, const Place& place, const Node* node, std::vector<VolumeUse>& uses) {
  if (!node) return;
  for (const NodePtr& item : node->items) {
    if (item->kind != Node::Kind::string || !is_volume_bind(item->text)) continue;
    uses.push_back({decoder.position(*item), place.to_string(), item->text.substr(0, item->text.find(':')),
                    is_read_only_bind(item->text)});
  }
}

void resolve_binds(std::optional<std::vector<std::string>>& binds) {
  if (!binds) return;
  for (std::string& bind : *binds)
    if (is_volume_bind(bind)) bind = merged_directory(bind.substr(0, bind.find(':'))) + bind.substr(bind.find(':'));
}

const Volume* find_volume(const std::vector<Volume>& volumes, std::string_view name) {
  for (const Volume& volume : volumes)
    if (volume.name == name) return &volume;
  return nullptr;
}

std::string did_you_mean(std::string_view name, const std::vector<Volume>& volumes) {
  std::vector<std::string_view> names;
  for (const Volume& volume : volumes) names.push_back(volume.name);
  const auto meant = nearest(name, names);
  return meant ? concat("; did you mean ", quote(*meant), "?") : "";
}

}  // namespace

void collect_volume_uses(const Decoder& decoder, const Place& place, const Node& image_object,
                         const ContainerOptions& options, std::vector<VolumeUse>& uses) {
  collect_binds(decoder, place, image_object.find("binds"), uses);
  collect_binds(decoder, place, image_object.find("binds.add"), uses);
  const Node* mounts = image_object.find("mounts");
  if (!mounts || !options.mounts || mounts->items.size() != options.mounts->size()) return;
  for (std::size_t i = 0; i < mounts->items.size(); ++i) {
    const Mount& mount = (*options.mounts)[i];
    if (!is_volume_mount(mount)) continue;
    uses.push_back({decoder.position(*mounts->items[i]), place.to_string(), mount.source, is_read_only_mount(mount)});
  }
}

void check_volume_uses(const std::vector<VolumeUse>& uses, const std::vector<Volume>& volumes,
                       Diagnostics& diagnostics) {
  for (const VolumeUse& use : uses) {
    const Volume* volume = find_volume(volumes, use.volume);
    if (!volume) {
      diagnostics.error(
          use.where,
          concat("volume ", quote(use.volume), " not found in ", use.container, did_you_mean(use.volume, volumes)),
          "a source that does not start with '/' names an entry of 'volumes'");
    } else if (volume->readonly && !use.read_only) {
      diagnostics.error(
          use.where,
          concat("volume ", quote(use.volume), " is read-only, but attempting to write into container read-write"),
          "add ':ro' to the bind, or the option ro to the mount");
    }
  }
}

void resolve_volumes(Container& container) {
  container.written = {container.options.binds, container.options.binds_add, container.options.mounts};
  resolve_binds(container.options.binds);
  resolve_binds(container.options.binds_add);
  if (!container.options.mounts) return;
  for (Mount& mount : *container.options.mounts)
    if (is_volume_mount(mount)) mount.source = merged_directory(mount.source);
}

}  // namespace kiln::config
