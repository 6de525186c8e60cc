#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/human.h"
#include "cli/cache_images.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/verbs.h"
#include "oci/garbage.h"
#include "oci/reference.h"
#include "oci/registry.h"
#include "oci/store_use.h"

namespace kiln::cli {
namespace {

/// LinuxKit's columns (spec cli.md §5).
std::string linuxkit_table(const std::vector<std::pair<std::string, oci::Descriptor>>& names) {
  constexpr std::size_t kWidth = 80;
  const auto row = [](std::string name, const std::string& digest) {
    if (name.size() < kWidth) name.resize(kWidth, ' ');
    return concat(name, " ", digest, "\n");
  };
  std::string text = row("image name", "root manifest hash");
  for (const auto& [name, descriptor] : names) text += row(printable(name), descriptor.digest.to_string());
  return text;
}

int run_list(Context& context) {
  auto names = context.store().names();
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t width = 0;
  for (const auto& [name, descriptor] : names) width = std::max(width, text_width(printable(name)));
  std::string text;
  std::vector<Fields> images;
  for (const auto& [name, descriptor] : names) {
    const std::string shown = printable(name);
    const std::string digest = descriptor.digest.to_string();
    text += concat(shown, std::string(width - text_width(shown) + 2, ' '), digest, "\n");
    images.push_back(Fields{}.add("name", name).add("digest", digest).add("media_type", descriptor.media_type));
  }
  const Fields object = Fields{}.add("images", std::move(images));
  if (context.dialect().lists_on_stderr && !context.options.json) {
    context.print_error(linuxkit_table(names));
  } else {
    context.result(text, object);
  }
  return 0;
}

int run_verify(Context& context) {
  const std::vector<std::string> findings = context.store().verify();
  std::string text;
  for (const std::string& finding : findings) text += finding + "\n";
  if (findings.empty()) text = "every blob is what its digest says\n";
  context.result(text, Fields{}.add("findings", findings));
  if (findings.empty()) return 0;
  throw Error{"the cache ", quote(context.store().directory().native()), " is damaged"}.with_hint(
      "remove those images with 'kiln cache rm IMAGE' and pull them again");
}

/// A name as it stands in the store, or the one that a shorter form means.
std::string name_in_store(Context& context, const std::string& text) {
  for (const auto& [name, descriptor] : context.store().names()) {
    if (name == text) return text;
  }
  return oci::Reference::parse(text).canonical();
}

void show_freed(Context& context, const oci::Freed& freed) {
  context.result(
      concat("freed ", human_size(freed.bytes), " in ", freed.blobs, freed.blobs == 1 ? " file\n" : " files\n"),
      Fields{}.add("files", freed.blobs).add("bytes", freed.bytes));
}

LockFile own_cache(Context& context) {
  return oci::own_store(context.store(), [&context] {
    context.reporter().info("waiting for the builds and pulls that use the cache to end");
  });
}

/// Whether the registry has exactly this, so that it can be had again. What cannot be asked counts as no.
bool is_published(Context& context, oci::Registry& registry, const std::string& name,
                  const oci::Descriptor& descriptor) {
  try {
    const auto there = registry.manifest_descriptor(oci::Reference::parse(name));
    return there && there->digest == descriptor.digest;
  } catch (const Error& error) {
    context.reporter().warning(concat(quote(name), " stays: ", error.message()));
    return false;
  }
}

/// Those of the names that are published.
std::vector<std::string> published(Context& context, const std::vector<std::string>& names) {
  oci::HttpRegistry registry{registry_options(context)};
  std::vector<std::string> out;
  for (const std::string& name : names) {
    const auto descriptor = context.store().find(name);
    if (descriptor && is_published(context, registry, name, *descriptor)) out.push_back(name);
  }
  return out;
}

int remove_names(Context& context, const std::vector<std::string>& names) {
  oci::Freed total;
  const LockFile own = own_cache(context);
  for (const std::string& name : names) {
    const std::optional<oci::Freed> freed = oci::remove_image(context.store(), name);
    if (!freed) continue;  // someone else was faster
    total.blobs += freed->blobs;
    total.bytes += freed->bytes;
  }
  show_freed(context, total);
  return 0;
}

struct RemoveOptions {
  std::vector<std::string> names;
  bool published_only = false;
};

int run_remove(Context& context, const RemoveOptions& options) {
  std::vector<std::string> names;
  for (const std::string& text : options.names) {
    names.push_back(name_in_store(context, text));
    if (context.store().find(names.back())) continue;
    throw Error{"removing ", quote(names.back()), ": the cache has no such image"}.with_hint(
        "'kiln cache ls' lists them");
  }
  return remove_names(context, options.published_only ? published(context, names) : names);
}

struct CleanOptions {
  bool unused = false, published_only = false;
};

int run_clean(Context& context, const CleanOptions& options) {
  constexpr std::chrono::hours kGrace{24};
  if (options.published_only) {
    std::vector<std::string> names;
    for (const auto& [name, descriptor] : context.store().names()) names.push_back(name);
    return remove_names(context, published(context, names));
  }
  const LockFile own = own_cache(context);
  show_freed(context, options.unused ? oci::collect_garbage(context.store(), kGrace) : oci::clear(context.store()));
  return 0;
}

void add_remove(CLI::App& cache, Context& context) {
  CLI::App* command = cache.add_subcommand("rm", "Remove images, and what no other image needs");
  auto options = std::make_shared<RemoveOptions>();
  command->add_option("IMAGE", options->names, "References, as 'kiln cache ls' shows them or shorter")->required();
  command->add_flag("--published-only", options->published_only,
                    "Only those that their registry has, and as they are here");
  on_run(*command, [&context, options] { return run_remove(context, *options); });
}

void add_clean(CLI::App& cache, Context& context) {
  CLI::App* command = cache.add_subcommand("clean", "Remove all images and everything made of them");
  auto options = std::make_shared<CleanOptions>();
  CLI::Option* unused =
      command->add_flag("--unused", options->unused, "Only blobs no image needs, and not those of the last day");
  command
      ->add_flag("--published-only", options->published_only,
                 "Only images that their registry has, and as they are here")
      ->excludes(unused);
  on_run(*command, [&context, options] { return run_clean(context, *options); });
}

}  // namespace

void add_cache(CLI::App& program, Context& context) {
  CLI::App* cache =
      program.add_subcommand("cache", "The images on this machine: list, check, fetch, send, export, import, remove");
  cache->require_subcommand(1);

  CLI::App* list = cache->add_subcommand("ls", "List the images and their digests");
  on_run(*list, [&context] { return run_list(context); });

  CLI::App* verify = cache->add_subcommand("verify", "Check every blob against its digest; status 1 if one is wrong");
  on_run(*verify, [&context] { return run_verify(context); });

  add_cache_pull(*cache, context);
  add_cache_push(*cache, context);
  add_cache_export(*cache, context);
  add_cache_import(*cache, context);
  add_remove(*cache, context);
  add_clean(*cache, context);
}

}  // namespace kiln::cli
