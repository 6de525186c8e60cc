#pragma once

#include <string>
#include <string_view>

namespace kiln::tree {

/// A path of a tar entry made relative to the root of the image: slashes at both ends and doubled ones, "." and ".."
/// resolved by their text alone, as Go's path.Clean does. The root itself is empty. Throws Error for a path that leads
/// out of the root or that Linux could not create (a component of more than 255 bytes).
std::string clean_layer_path(std::string_view path);

}  // namespace kiln::tree
