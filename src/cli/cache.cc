#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/human.h"
#include "cli/context.h"
#include "cli/verbs.h"
#include "oci/garbage.h"
#include "oci/reference.h"

namespace kiln::cli {
namespace {

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
  context.result(text, Fields{}.add("images", std::move(images)));
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

int run_remove(Context& context, const std::vector<std::string>& names) {
  oci::Freed total;
  for (const std::string& text : names) {
    const std::string name = name_in_store(context, text);
    const std::optional<oci::Freed> freed = oci::remove_image(context.store(), name);
    if (!freed) {
      throw Error{"removing ", quote(name), ": the cache has no such image"}.with_hint("'kiln cache ls' lists them");
    }
    total.blobs += freed->blobs;
    total.bytes += freed->bytes;
  }
  show_freed(context, total);
  return 0;
}

int run_clean(Context& context, bool unused) {
  constexpr std::chrono::hours kGrace{24};
  show_freed(context, unused ? oci::collect_garbage(context.store(), kGrace) : oci::clear(context.store()));
  return 0;
}

}  // namespace

void add_cache(CLI::App& program, Context& context) {
  CLI::App* cache = program.add_subcommand("cache", "List, check and remove the images on this machine");
  cache->require_subcommand(1);

  CLI::App* list = cache->add_subcommand("ls", "List the images and their digests");
  on_run(*list, [&context] { return run_list(context); });

  CLI::App* verify = cache->add_subcommand("verify", "Check every blob against its digest; status 1 if one is wrong");
  on_run(*verify, [&context] { return run_verify(context); });

  CLI::App* remove = cache->add_subcommand("rm", "Remove images, and what no other image needs");
  auto names = std::make_shared<std::vector<std::string>>();
  remove->add_option("IMAGE", *names, "References, as 'kiln cache ls' shows them or shorter")->required();
  on_run(*remove, [&context, names] { return run_remove(context, *names); });

  CLI::App* clean = cache->add_subcommand("clean", "Remove all images and everything made of them");
  auto unused = std::make_shared<bool>(false);
  clean->add_flag("--unused", *unused, "Only blobs no image needs, and not those of the last day");
  on_run(*clean, [&context, unused] { return run_clean(context, *unused); });
}

}  // namespace kiln::cli
