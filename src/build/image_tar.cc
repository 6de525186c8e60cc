#include "build/image_tar.h"

#include "build/emit.h"
#include "build/plan.h"
#include "build/plan_pieces.h"
#include "build/segments.h"

namespace kiln::build {

void write_image_tar(const oci::Image& image, const oci::Store& store, Reporter& reporter, Sink& out) {
  Layers layers{store, reporter};
  const std::vector<std::uint32_t> numbers = layers.of_image(image);
  Plan plan;
  plan.layers = &layers;
  Part part{image.reference.canonical(), {}};
  for (const tree::Node& node : merge_image(layers, numbers, image)) {
    if (!node.path.empty()) part.entries.push_back(entry_of(node, numbers));  // empty: the root itself
  }
  plan.parts.push_back(std::move(part));
  write_archive(plan, make_segments(plan, ArchiveKind::tar), out);
}

}  // namespace kiln::build
