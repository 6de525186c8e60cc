#include "oci/pull.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "oci/fetch_blob.h"
#include "oci/image_lookup.h"

namespace kiln::oci {
namespace {

constexpr std::uint64_t kMaxConfig = 16 << 20;  // the same as Store::read
constexpr std::size_t kMaxUnmarked = 16;        // entries without platform that are fetched to see what they are

class TextSink final : public Sink {
 public:
  void write(Bytes data) override { text.append(as_text(data)); }
  std::string text;
};

Error missing(const Reference& reference) {
  return Error{"registry ", quote(reference.domain()), " has no such image"}.with_hint(
      "check the name and the tag; a private image may need a login");
}

/// One pull of one image.
class Pull {
 public:
  Pull(const Reference& reference, const Platform& platform, Store& store, Registry& registry, ThreadPool& downloads,
       Reporter& reporter, PullObserver* observer)
      : reference_{reference},
        platform_{platform},
        store_{store},
        registry_{registry},
        downloads_{downloads},
        observer_{observer},
        name_{reference.canonical()},
        activity_{reporter.start("pull", name_)} {}

  /// `root` is what the name stands for.
  /// The same for several images and their attestations, whatever these are made of.
  ImageSet run(const Document& root, std::span<const Platform> wanted) {
    ImageSet set{reference_, root.descriptor, {}};
    if (is_index(root.descriptor.media_type)) {
      for (const Descriptor& entry : members(parse_index(root.content, "index"), wanted)) {
        set.members.push_back({entry, fetch_member(fetch_document(entry))});
      }
    } else {
      set.members.push_back({root.descriptor, fetch_member(root)});
    }
    keep(root.descriptor, root.content);
    const auto known = store_.find(name_);
    if (!known || known->digest != root.descriptor.digest) store_.set(name_, root.descriptor);
    return set;
  }

  Image run(const Document& root) {
    Image image{reference_, {}, {}, {}};
    const Document manifest = is_index(root.descriptor.media_type) ? choose_from(root) : root;
    image.descriptor = manifest.descriptor;
    image.manifest = parse_manifest(manifest.content, "manifest");
    const std::string config = fetch_text(image.manifest.config, "config");
    image.config = parse_image_config(config, "config");
    check_platform(image.config, platform_, "image");
    check_layers(image.manifest, image.config, "image");
    fetch_layers(image.manifest.layers);
    // From the leaves to the root and the name last: what the store has is complete at every moment.
    keep(image.manifest.config, config);
    keep(manifest.descriptor, manifest.content);
    keep(root.descriptor, root.content);
    store_.set(name_, root.descriptor);
    activity_->finish(image.descriptor.digest.to_string().substr(0, 19));
    return image;
  }

 private:
  std::vector<Descriptor> members(const Index& index, std::span<const Platform> wanted) const {
    std::vector<Descriptor> members;
    std::set<std::string> chosen;
    for (const Descriptor& entry : index.manifests) {
      const bool is_wanted =
          wanted.empty() || (entry.platform && std::any_of(wanted.begin(), wanted.end(), [&](const Platform& platform) {
                               return entry.platform->matches(platform);
                             }));
      if (!is_manifest(entry.media_type) || attestation_target(entry) || !is_wanted) continue;
      chosen.insert(entry.digest.to_string());
    }
    if (chosen.empty()) throw Error{"there is no image for the platforms wanted; there is: ", platforms_of(index)};
    for (const Descriptor& entry : index.manifests) {
      if (chosen.contains(attestation_target(entry).value_or(entry.digest.to_string()))) members.push_back(entry);
    }
    return members;
  }

  Manifest fetch_member(const Document& document) {
    const std::string name = concat("manifest ", document.descriptor.digest.to_string());
    Manifest manifest = parse_manifest(document.content, name);
    const std::string config = fetch_text(manifest.config, "config");
    fetch_layers(manifest.layers);
    keep(manifest.config, config);
    keep(document.descriptor, document.content);
    return manifest;
  }

  Document fetch_document(const Descriptor& descriptor) {
    const Reference reference = Reference::parse(concat(reference_.locator(), "@", descriptor.digest.to_string()));
    if (store_.has(descriptor)) return {descriptor, store_.read(descriptor)};
    auto document = registry_.manifest(reference);
    if (!document) {
      throw Error{"the registry does not have manifest ", descriptor.digest.to_string(), " of its own index"}.with_hint(
          "the image was pushed incompletely; push it again");
    }
    if (document->descriptor.size != descriptor.size) {
      throw Error{"manifest ",         descriptor.digest.to_string(),
                  ": it has ",         document->descriptor.size,
                  " bytes, expected ", descriptor.size};
    }
    return *std::move(document);
  }

  Document choose_from(const Document& root) {
    const Index index = parse_index(root.content, "index");
    if (const Descriptor* entry = choose(index, platform_)) return fetch_document(*entry);
    std::size_t asked = 0;
    for (const Descriptor& entry : index.manifests) {
      if (entry.platform || !is_manifest(entry.media_type) || ++asked > kMaxUnmarked) continue;
      Document document = fetch_document(entry);
      const Manifest manifest = parse_manifest(document.content, "manifest");
      if (parse_image_config(fetch_text(manifest.config, "config"), "config").platform.matches(platform_))
        return document;
    }
    throw Error{"there is no image for ", platform_.to_string(), "; there is: ", platforms_of(index)};
  }

  /// A small blob, verified.
  std::string fetch_text(const Descriptor& blob, std::string_view what) {
    if (blob.size > kMaxConfig) throw Error{what, ": it has ", blob.size, " bytes, at most ", kMaxConfig, " are read"};
    if (store_.has(blob)) return store_.read(blob);
    for (;;) {
      TextSink sink;
      try {
        registry_.blob(reference_, blob, 0, sink);
      } catch (const Error& error) {
        throw error.within(what, " (", blob.digest.to_string(), ")");
      }
      const Digest got = Digest::of(sink.text);
      if (got == blob.digest) return std::move(sink.text);
      if (!registry_.reject(blob)) {
        throw Error{what, ": digest is ", got.to_string(), ", expected ", blob.digest.to_string()};
      }
    }
  }

  void keep(const Descriptor& descriptor, const std::string& content) {
    if (store_.has(descriptor)) return;
    const Descriptor stored = store_.put(content, descriptor.media_type);
    if (stored.digest != descriptor.digest) throw Error{"the registry's answer changed while it was stored"};
  }

  void fetch_layers(const std::vector<Descriptor>& layers) {
    std::uint64_t total = 0;
    for (const Descriptor& layer : layers) total += store_.has(layer) ? 0 : layer.size;
    activity_->expect(total);
    TaskGroup group{downloads_};
    std::set<Digest> seen;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (!seen.insert(layers[i].digest).second || store_.has(layers[i])) continue;
      group.run([this, &group, &layers, i] {
        try {
          fetch_blob(reference_, layers[i], store_, registry_, *activity_, group, observer_);
        } catch (const Error& error) {
          throw error.within("layer ", i + 1, " of ", layers.size(), " (", layers[i].digest.to_string(), ")");
        }
      });
    }
    group.wait();
  }

  const Reference& reference_;
  const Platform& platform_;
  Store& store_;
  Registry& registry_;
  ThreadPool& downloads_;
  PullObserver* observer_;
  std::string name_;
  std::unique_ptr<Activity> activity_;
};

/// The index the store has under the name, if it lists the platform: then its image is fetched by digest, so that
/// all platforms stay those of one index even if the tag has moved.
std::optional<Document> known_root(const Store& store, const Reference& reference, const Platform& platform) {
  const auto descriptor = store.find(reference.canonical());
  if (!descriptor || !is_index(descriptor->media_type) || !store.has(*descriptor)) return std::nullopt;
  Document root{*descriptor, store.read(*descriptor)};
  if (choose(parse_index(root.content, "index"), platform) == nullptr) return std::nullopt;
  return root;
}

std::optional<Document> fetch_root(const Reference& reference, Registry& registry) {
  auto document = registry.manifest(reference);
  if (document && !is_index(document->descriptor.media_type) && !is_manifest(document->descriptor.media_type)) {
    throw Error{"it is ", quote(document->descriptor.media_type), ", expected an image manifest or an index"};
  }
  return document;
}

/// Whether the tag still stands for what the store has.
bool is_current(const Store& store, const Reference& reference, Registry& registry) {
  const auto ours = store.find(reference.canonical());
  const auto theirs = registry.manifest_descriptor(reference);
  if (!theirs) throw missing(reference);
  return ours && ours->digest == theirs->digest;
}

/// What the store has under the name, as it is.
std::optional<Document> stored_root(const Store& store, const Reference& reference) {
  const auto descriptor = store.find(reference.canonical());
  if (!descriptor || !store.has(*descriptor)) return std::nullopt;
  return Document{*descriptor, store.read(*descriptor)};
}

}  // namespace

ImageSet pull_images(const Reference& reference, std::span<const Platform> wanted, Store& store, Registry& registry,
                     ThreadPool& downloads, Reporter& reporter, PullObserver* observer, const PullOptions& options) {
  try {
    const bool usable = !options.refresh || reference.digest() || is_current(store, reference, registry);
    std::optional<Document> root = usable ? stored_root(store, reference) : std::nullopt;
    if (!root) root = fetch_root(reference, registry);
    if (!root) throw missing(reference);
    return Pull{reference, {}, store, registry, downloads, reporter, observer}.run(*root, wanted);
  } catch (const Error& error) {
    throw error.within("pulling ", quote(reference.canonical()));
  }
}

Image pull_image(const Reference& reference, const Platform& platform, Store& store, Registry& registry,
                 ThreadPool& downloads, Reporter& reporter, PullObserver* observer, const PullOptions& options) {
  try {
    const bool usable = !options.refresh || reference.digest() || is_current(store, reference, registry);
    if (usable) {
      if (auto image = find_image(store, reference, platform)) return *std::move(image);
    }
    std::optional<Document> root = usable ? known_root(store, reference, platform) : std::nullopt;
    if (!root) root = fetch_root(reference, registry);
    if (!root) throw missing(reference);
    return Pull{reference, platform, store, registry, downloads, reporter, observer}.run(*root);
  } catch (const Error& error) {
    throw error.within("pulling ", quote(reference.canonical()));
  }
}

}  // namespace kiln::oci
