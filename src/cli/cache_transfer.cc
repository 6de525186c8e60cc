#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/thread_pool.h"
#include "cli/cache_images.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/verbs.h"
#include "oci/push.h"
#include "oci/registry.h"
#include "oci/store_use.h"

namespace kiln::cli {
namespace {

/// LinuxKit names what it pulls and pushes with the tag that is meant.
oci::Reference with_tag(const std::string& text) {
  const oci::Reference reference = oci::Reference::parse(text);
  return reference.tag() || reference.digest() ? reference : oci::Reference::parse(text + ":latest");
}

/// The name of one architecture's image (spec pkg.md §8); nothing for a reference by digest.
std::optional<oci::Reference> architecture_name(const oci::Reference& name, const oci::Platform& platform) {
  if (name.digest()) return std::nullopt;
  return oci::Reference::parse(concat(name.locator(), ":", name.tag().value_or("latest"), "-", platform.architecture));
}

bool is_image(const oci::Descriptor& entry) {
  return entry.platform && entry.platform->os != "unknown";  // else an attestation
}

struct PullOptions {
  std::vector<std::string> images, platforms;
};

void pull_one(Context& context, const oci::Reference& reference, const std::vector<oci::Platform>& wanted,
              const build::ImageFetcher& fetch, std::string& text, std::vector<Fields>& images) {
  const oci::ImageSet set = fetch.images(reference, wanted);
  const bool has_index = oci::is_index(set.root.media_type);
  for (const oci::ImageSet::Member& member : set.members) {
    if (has_index && !is_image(member.descriptor)) continue;
    std::string platform;
    if (member.descriptor.platform) {
      platform = member.descriptor.platform->to_string();
      const auto name = architecture_name(reference, *member.descriptor.platform);
      if (has_index && name) context.store().set(name->canonical(), member.descriptor);
    }
    const std::string digest = member.descriptor.digest.to_string();
    text += concat(reference.canonical(), platform.empty() ? "" : " ", platform, " ", digest, "\n");
    images.push_back(Fields{}.add("name", reference.canonical()).add("platform", platform).add("digest", digest));
  }
}

int run_pull(Context& context, const PullOptions& options) {
  const auto use = oci::use_store(context.store());
  const build::ImageFetcher fetch = image_fetcher(context, true);
  std::vector<oci::Platform> wanted;
  for (const std::string& platform : options.platforms) wanted.push_back(oci::Platform::parse(platform));
  std::string text;
  std::vector<Fields> images;
  for (const std::string& image : options.images) {
    pull_one(context, with_tag(image), wanted, fetch, text, images);
  }
  context.result(text, Fields{}.add("images", std::move(images)));
  return 0;
}

struct PushOptions {
  std::vector<std::string> images;
  std::string remote_name;
  bool architecture_tags = false, replace = false;
};

bool has_all(const oci::Store& store, const oci::Descriptor& root) {
  if (!oci::is_index(root.media_type)) return true;
  const std::vector<oci::Descriptor> entries = oci::parse_index(store.read(root), "index").manifests;
  return std::all_of(entries.begin(), entries.end(), [&](const auto& entry) { return store.has(entry); });
}

class CachePush {
 public:
  CachePush(Context& context, const PushOptions& options)
      : context_{context}, options_{options}, registry_{push_registry_options(context)} {}

  void push(const std::string& image) {
    const oci::Reference name = name_in_cache(image);
    const oci::Reference target = options_.remote_name.empty() ? with_tag(image) : with_tag(options_.remote_name);
    const oci::Descriptor root = *context_.store().find(name.canonical());
    const auto there = registry_.manifest_descriptor(target);
    if (there && there->digest == root.digest) return tell(target, root, "is in the registry already");
    if (there && !options_.replace) {
      return tell(target, *there, "is in the registry with other content, and stays: --override replaces it");
    }
    oci::PushOptions push;
    push.arch_tags = options_.architecture_tags;
    // An index that is whole and meets none goes out as it is, digest and all.
    const bool meets_index = there && oci::is_index(there->media_type);
    push.merge = oci::is_index(root.media_type) && (meets_index || !has_all(context_.store(), root));
    tell(target, oci::push_image(context_.store(), name, target, registry_, uploads_, context_.reporter(), push),
         "pushed");
  }

  int finish() {
    context_.result(text_, Fields{}.add("images", std::move(objects_)));
    return 0;
  }

 private:
  oci::Reference name_in_cache(const std::string& image) {
    const oci::Reference exact = oci::Reference::parse(image);
    if (context_.store().find(exact.canonical())) return exact;
    const oci::Reference tagged = with_tag(image);
    if (context_.store().find(tagged.canonical())) return tagged;
    throw Error{"pushing ", quote(tagged.canonical()), ": the cache has no such image"}.with_hint(
        concat("'", context_.dialect().program, " cache ls' lists them"));
  }

  void tell(const oci::Reference& name, const oci::Descriptor& descriptor, const char* outcome) {
    const std::string digest = descriptor.digest.to_string();
    text_ += concat(name.canonical(), " ", digest, " ", outcome, "\n");
    objects_.push_back(Fields{}.add("name", name.canonical()).add("digest", digest).add("outcome", outcome));
  }

  static constexpr unsigned kTransfers = 4;

  Context& context_;
  const PushOptions& options_;
  oci::HttpRegistry registry_;
  ThreadPool uploads_{kTransfers};
  std::string text_;
  std::vector<Fields> objects_;
};

int run_push(Context& context, const PushOptions& options) {
  if (!options.remote_name.empty() && options.images.size() > 1) {
    throw Error{"--remote-name is one name: expected one image, got ", options.images.size()};
  }
  const auto use = oci::use_store(context.store());
  CachePush push{context, options};
  for (const std::string& image : options.images) push.push(image);
  return push.finish();
}

}  // namespace

void add_cache_pull(CLI::App& cache, Context& context) {
  CLI::App* command = cache.add_subcommand("pull", "Fetch images, for all their platforms, whatever the cache has");
  auto options = std::make_shared<PullOptions>();
  command->add_option("IMAGE", options->images, "References; without a tag, latest")->required();
  command->add_option("--platform,--arch", options->platforms, "Only for these; repeatable")
      ->type_name("OS/ARCH")
      ->allow_extra_args(false);
  on_run(*command, [&context, options] { return run_pull(context, *options); });
}

void add_cache_push(CLI::App& cache, Context& context) {
  CLI::App* command = cache.add_subcommand("push", "Send images to their registries, unless these have the name");
  auto options = std::make_shared<PushOptions>();
  command->add_option("IMAGE", options->images, "References, as 'cache ls' shows them or shorter")->required();
  command->add_option("--remote-name", options->remote_name, "The name in the registry, if it is another")
      ->type_name("REFERENCE");
  command->add_flag("--with-arch-tags", options->architecture_tags, "Also tag each platform's image, as TAG-ARCH");
  command->add_flag("--override", options->replace, "Replace what the registry has under the name");
  on_run(*command, [&context, options] { return run_push(context, *options); });
}

}  // namespace kiln::cli
