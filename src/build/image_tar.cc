#include "build/image_tar.h"

#include "build/emit.h"
#include "build/plan.h"
#include "build/segments.h"
#include "tree/merge.h"

namespace kiln::build {

void write_image_tar(const oci::Image& image, const oci::Store& store, Reporter& reporter, Sink& out) {
  Layers layers{store, reporter};
  const std::vector<std::uint32_t> numbers = layers.of_image(image);
  std::vector<const tree::LayerIndex*> indexes;
  for (const std::uint32_t number : numbers) indexes.push_back(&layers.layer(number).index);
  const std::vector<tree::Node> nodes = tree::merge(indexes);

  Plan plan;
  plan.layers = &layers;
  Part part{image.reference.canonical(), {}, false};
  for (const tree::Node& node : nodes) {
    if (node.path.empty()) continue;  // the root itself
    Entry entry;
    entry.path = node.path;
    entry.layer = numbers[node.target_layer];
    entry.entry = node.target_entry;
    entry.kind = node.kind;
    entry.linked = node.linked;
    part.entries.push_back(entry);
  }
  plan.parts.push_back(std::move(part));
  write_archive(plan, make_segments(plan, ArchiveKind::tar), out);
}

}  // namespace kiln::build
