#include "cli/build_summary.h"

#include <algorithm>

#include "base/human.h"
#include "cli/context.h"

namespace kiln::cli {
namespace {

std::string describe_reuse(const build::BootSet& boot) {
  const std::size_t reused = boot.segments.size() - boot.segments_rendered;
  std::string text = concat("root tree ", human_size(boot.root_size));
  if (boot.content_size < boot.root_size)
    text += concat(", ", human_size(boot.root_size - boot.content_size), " of it shared");
  text += concat("; ", reused, " of ", boot.segments.size(), " segments from the cache");
  if (boot.segments_rendered > 0) text += concat(", ", human_size(boot.content_rendered), " rendered");
  return text + concat(" (", boot.compression.to_string(), ")\n");
}

void add_boot_fields(const build::BootSet& boot, Fields& object) {
  object.add("root_bytes", boot.root_size).add("stored_bytes", boot.content_size);
  object.add("segments", std::uint64_t{boot.segments.size()});
  object.add("segments_rendered", std::uint64_t{boot.segments_rendered});
  object.add("rendered_bytes", boot.content_rendered);
}

/// LinuxKit says so before it writes them; that they are there when it has been said is as good.
void tell_outputs(Context& context, const std::vector<format::Output>& outputs) {
  context.reporter().info("Create outputs:");
  for (const format::Output& output : outputs) context.reporter().info("  " + output.path.native());
}

std::string outputs_text(const std::vector<format::Output>& outputs) {
  std::size_t width = 0;
  for (const format::Output& output : outputs) width = std::max(width, output.path.native().size());
  std::string text;
  for (const format::Output& output : outputs) {
    const std::string& path = output.path.native();
    text += concat("  ", path, std::string(width - path.size() + 2, ' '), human_size(output.size),
                   output.kept ? " (unchanged)" : "", "\n");
  }
  return text;
}

std::vector<Fields> outputs_fields(const std::vector<format::Output>& outputs) {
  std::vector<Fields> files;
  for (const format::Output& output : outputs) {
    files.push_back(Fields{}.add("path", output.path.native()).add("size", output.size).add("unchanged", output.kept));
  }
  return files;
}

std::string boots_text(const std::vector<BuiltPlatform>& platforms) {
  std::string text;
  for (const BuiltPlatform& built : platforms) {
    if (!built.has_boot) continue;
    text += concat("  ", platforms.size() == 1 ? "" : built.platform + ": ", describe_reuse(built.boot));
  }
  return text;
}

/// Of one platform in the object itself, of several in a list.
void add_boots(const std::vector<BuiltPlatform>& platforms, Fields& object) {
  std::vector<Fields> list;
  for (const BuiltPlatform& built : platforms) {
    if (!built.has_boot) continue;
    if (platforms.size() == 1) return add_boot_fields(built.boot, object);
    Fields& fields = list.emplace_back();
    fields.add("platform", built.platform);
    add_boot_fields(built.boot, fields);
  }
  if (!list.empty()) object.add("platforms", std::move(list));
}

}  // namespace

void show_build(Context& context, const std::vector<BuiltPlatform>& platforms,
                const std::vector<format::Output>& outputs, std::chrono::milliseconds time) {
  if (context.dialect().tells_steps && !context.options.json) return tell_outputs(context, outputs);
  if (context.options.quiet && !context.options.json) return;
  Fields object;
  object.add("outputs", outputs_fields(outputs));
  add_boots(platforms, object);
  object.add("milliseconds", static_cast<std::uint64_t>(time.count()));
  context.result(concat("built in ", time.count(), " ms\n", outputs_text(outputs), boots_text(platforms)), object);
}

}  // namespace kiln::cli
