#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tree/layer_index.h"

namespace kiln::tree {

/// A file of the merged tree: entry `entry` of layer `layer`. A hard link is resolved to the regular entry whose
/// content it has, `target`, also when the link's own target name was whited out or replaced by a later layer.
struct Node {
  std::string_view path;
  std::uint32_t layer = 0;
  std::uint32_t entry = 0;
  std::uint32_t target_layer = 0;  ///< hard links: where the content (and metadata) is; otherwise = layer, entry
  std::uint32_t target_entry = 0;
  Kind kind = Kind::regular;  ///< never hard_link: the kind of what the link points to
  bool linked = false;        ///< shares its inode with another node of this tree (same target)
};

/// Layers merged into one root (image-spec, "Whiteouts": `.wh.NAME`, opaque `.wh..wh..opq`; a later entry replaces
/// an earlier one; a non-directory replaces a directory with all below it; a directory over a directory keeps what
/// is below). Nodes are sorted by path, byte-wise on components, so a directory precedes its content; directories a
/// layer implies but does not contain are not added here: Node list has them only if a layer has.
/// An entry below a symlink of its own or a lower layer belongs where the symlink leads, as for all tools that unpack.
/// Throws Error for a hard link of the tree whose target was not there: "layer 2 of 3: 'x': the target 'y' …".
/// The layers must outlive the nodes. Base first.
std::vector<Node> merge(std::span<const LayerIndex* const> layers);

}  // namespace kiln::tree
