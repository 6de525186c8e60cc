#pragma once

#include <string>
#include <vector>

#include "config/decoder.h"
#include "config/system.h"

namespace kiln::config {

/// A bind or bind mount of an image object that names a volume instead of a path of the host (spec yaml.md §7).
struct VolumeUse {
  Position where;
  std::string container;  ///< "service 'web'"
  std::string volume;
  bool read_only = false;
};

/// The volumes that the `binds`, `binds.add` and `mounts` of an image object name. `options` is what was read from it.
void collect_volume_uses(const Decoder& decoder, const Place& place, const Node& image_object,
                         const ContainerOptions& options, std::vector<VolumeUse>& uses);

/// Every volume used must exist, and one that is read-only must be mounted so.
void check_volume_uses(const std::vector<VolumeUse>& uses, const std::vector<Volume>& volumes,
                       Diagnostics& diagnostics);

/// Replaces volume names by `/containers/volumes/<name>/merged` and keeps what was written in `container.written`.
void resolve_volumes(Container& container);

}  // namespace kiln::config
