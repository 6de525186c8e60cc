#include "oci/push.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "oci/image_lookup.h"
#include "oci/index_merge.h"
#include "oci/manifest.h"

namespace kiln::oci {
namespace {

class Push {
 public:
  Push(const Store& store, const Reference& name, const Reference& target, Registry& registry, ThreadPool& uploads,
       Reporter& reporter)
      : store_{store},
        name_{name},
        target_{target},
        registry_{registry},
        uploads_{uploads},
        activity_{reporter.start("push", target.canonical())} {}

  Descriptor run(const Descriptor& root, const PushOptions& options) {
    if (options.merge || !options.override_tag) {
      const auto there = registry_.manifest(target_);
      if (there && (there->descriptor.digest == root.digest || !options.override_tag)) {
        activity_->finish(there->descriptor.digest == root.digest ? "is there already" : "left as it is");
        return there->descriptor;
      }
      if (options.merge) return merge(root, there, options);
    }
    std::string content = store_.read(root);
    Descriptor result = root;
    std::vector<Descriptor> images{root};
    if (is_index(root.media_type)) {
      Index index = parse_index(content, "index");
      if (reduce(index, options)) {
        content = to_json(index);
        result.digest = Digest::of(content);
        result.size = content.size();
      }
      images = index.manifests;
    } else if (!options.platforms.empty()) {
      throw Error{"it is one image, not an index: there is no choice of platforms"};
    }
    push_blobs(images);
    if (is_index(root.media_type)) push_manifests(images);
    registry_.push_manifest(target_, content, root.media_type);
    if (options.arch_tags) push_arch_tags(images);
    activity_->finish(result.digest.to_string().substr(0, 19));
    return result;
  }

 private:
  struct Blob {
    Descriptor descriptor;
    std::string what;  // for errors
  };

  /// The store's images into the registry's index.
  Descriptor merge(const Descriptor& root, const std::optional<Document>& there, const PushOptions& options) {
    const Index local = whole_images(root);
    if (local.manifests.empty()) throw Error{"the store has no image of it whole"};
    Index remote;
    if (there && is_index(there->descriptor.media_type)) remote = parse_index(there->content, "the registry's index");
    Index merged = merge_indexes(remote, local);
    merged.media_type = media_type::kIndex;
    const bool complete = there && to_json(merged) == to_json(remote);
    Descriptor result = complete ? there->descriptor : Descriptor{};
    if (!complete) {
      push_blobs(local.manifests);
      push_manifests(local.manifests);
      const std::string content = to_json(merged);
      registry_.push_manifest(target_, content, merged.media_type);
      result.media_type = merged.media_type;
      result.digest = Digest::of(content);
      result.size = content.size();
    }
    if (options.arch_tags) push_arch_tags(local.manifests);
    activity_->finish(result.digest.to_string().substr(0, 19));
    return result;
  }

  bool is_whole(const Descriptor& image) const {
    if (!is_manifest(image.media_type) || !store_.has(image)) return false;
    const Manifest manifest = parse_manifest(store_.read(image), concat("manifest ", image.digest.to_string()));
    return store_.has(manifest.config) && std::all_of(manifest.layers.begin(), manifest.layers.end(),
                                                      [&](const Descriptor& layer) { return store_.has(layer); });
  }

  Index whole_images(const Descriptor& root) const {
    Index index;
    if (is_index(root.media_type)) {
      index = parse_index(store_.read(root), "index");
    } else {
      index.manifests = {root};
    }
    for (Descriptor& entry : index.manifests) {
      if (entry.platform || !is_whole(entry)) continue;  // its config knows
      const Manifest manifest = parse_manifest(store_.read(entry), "manifest");
      entry.platform = parse_image_config(store_.read(manifest.config), "config").platform;
    }
    std::erase_if(index.manifests, [&](const Descriptor& entry) { return !is_whole(entry); });
    drop_dangling(index);
    return index;
  }

  void push_arch_tags(const std::vector<Descriptor>& images) {
    for (const Descriptor& image : images) {
      if (!image.platform || attestation_target(image) || image.platform->os == "unknown") continue;
      registry_.push_manifest(with_tag_suffix(target_, "-" + image.platform->architecture), store_.read(image),
                              image.media_type);
    }
  }

  /// Drops what is not asked for. True if that changed the index.
  bool reduce(Index& index, const PushOptions& options) const {
    if (options.platforms.empty()) {
      require_all(index);
      return false;
    }
    for (const Platform& platform : options.platforms) {
      const Descriptor* entry = choose(index, platform);
      if (entry == nullptr) throw Error{"its index has no ", platform.to_string(), "; it has: ", platforms_of(index)};
      if (!store_.has(*entry)) throw absent(*entry);
    }
    const auto unwanted = [&](const Descriptor& entry) {
      return std::none_of(options.platforms.begin(), options.platforms.end(), [&](const Platform& platform) {
        return entry.platform && entry.platform->matches(platform);
      });
    };
    return std::erase_if(index.manifests, unwanted) > 0;
  }

  void require_all(const Index& index) const {
    for (const Descriptor& entry : index.manifests) {
      if (!store_.has(entry)) throw absent(entry);
    }
  }

  static Error absent(const Descriptor& entry) {
    const std::string platform = entry.platform ? entry.platform->to_string() : entry.digest.to_string();
    return Error{"the store does not have its image for ", platform}.with_hint(
        "pull that platform too, or say with --platform which ones to push");
  }

  std::vector<Blob> blobs_of(const std::vector<Descriptor>& images) const {
    std::vector<Blob> out;
    std::set<Digest> seen;
    const auto add = [&](const Descriptor& blob, std::string what) {
      if (seen.insert(blob.digest).second) out.push_back({blob, std::move(what)});
    };
    for (const Descriptor& image : images) {
      const Manifest manifest = parse_manifest(store_.read(image), concat("manifest ", image.digest.to_string()));
      for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
        add(manifest.layers[i], concat("layer ", i + 1, " of ", manifest.layers.size()));
      }
      add(manifest.config, "config");
    }
    return out;
  }

  void push_blobs(const std::vector<Descriptor>& images) {
    const std::vector<Blob> blobs = blobs_of(images);
    std::uint64_t total = 0;
    for (const Blob& blob : blobs) total += blob.descriptor.size;
    activity_->expect(total);
    std::optional<Reference> mount_from;
    if (name_.domain() == target_.domain()) mount_from = name_;
    TaskGroup group{uploads_};
    for (const Blob& blob : blobs) {
      group.run([this, &blob, &mount_from] {
        try {
          const UniqueFd file = store_.open(blob.descriptor);
          registry_.push_blob(target_, blob.descriptor, file.get(), mount_from);
          activity_->advance(blob.descriptor.size);
        } catch (const Error& error) {
          throw error.within(blob.what, " (", blob.descriptor.digest.to_string(), ")");
        }
      });
    }
    group.wait();
  }

  void push_manifests(const std::vector<Descriptor>& images) {
    for (const Descriptor& image : images) {
      const Reference by_digest = Reference::parse(concat(target_.locator(), "@", image.digest.to_string()));
      registry_.push_manifest(by_digest, store_.read(image), image.media_type);
    }
  }

  const Store& store_;
  const Reference& name_;
  const Reference& target_;
  Registry& registry_;
  ThreadPool& uploads_;
  std::unique_ptr<Activity> activity_;
};

}  // namespace

Reference with_tag_suffix(const Reference& reference, std::string_view suffix) {
  return Reference::parse(concat(reference.locator(), ":", reference.tag().value_or("latest"), suffix));
}

Descriptor push_image(const Store& store, const Reference& name, const Reference& target, Registry& registry,
                      ThreadPool& uploads, Reporter& reporter, const PushOptions& options) {
  try {
    const auto root = store.find(name.canonical());
    if (!root) throw Error{"the store has no image ", quote(name.canonical())};
    return Push{store, name, target, registry, uploads, reporter}.run(*root, options);
  } catch (const Error& error) {
    throw error.within("pushing ", quote(target.canonical()));
  }
}

}  // namespace kiln::oci
