#include "oci/retag.h"

#include "base/error.h"
#include "base/file.h"
#include "oci/index_merge.h"
#include "oci/manifest.h"
#include "oci/push.h"
#include "oci/store.h"

namespace kiln::oci {
namespace {

Document require(Registry& registry, const Reference& reference) {
  auto document = registry.manifest(reference);
  if (!document) throw Error{"the registry has no ", quote(reference.canonical())};
  return *std::move(document);
}

Reference by_digest(const Reference& repository, const Digest& digest) {
  return Reference::parse(concat(repository.locator(), "@", digest.to_string()));
}

/// Copies images between repositories, each blob through a temporary file.
class Copy {
 public:
  Copy(const Reference& from, const Reference& to, Registry& registry, const std::filesystem::path& work)
      : from_{from}, to_{to}, registry_{registry}, store_{work} {
    if (from_.domain() == to_.domain()) mount_from_ = from_;
  }

  void run(const Document& root) {
    if (!is_index(root.descriptor.media_type)) {
      copy_blobs(root.content);
      return;
    }
    for (const Descriptor& entry : parse_index(root.content, "index").manifests) {
      const Document image = require(registry_, by_digest(from_, entry.digest));
      copy_blobs(image.content);
      registry_.push_manifest(by_digest(to_, entry.digest), image.content, image.descriptor.media_type);
    }
  }

 private:
  void copy_blobs(const std::string& manifest_text) {
    const Manifest manifest = parse_manifest(manifest_text, "manifest");
    for (const Descriptor& layer : manifest.layers) copy_blob(layer);
    copy_blob(manifest.config);
  }

  void copy_blob(const Descriptor& blob) {
    if (!store_.has(blob)) {
      Store::Writer writer = store_.write();
      registry_.blob(from_, blob, 0, writer);
      writer.commit(blob);
    }
    registry_.push_blob(to_, blob, store_.open(blob).get(), mount_from_);
  }

  const Reference& from_;
  const Reference& to_;
  Registry& registry_;
  Store store_;
  std::optional<Reference> mount_from_;
};

/// The entries an index gets from NAME-ARCH: an image, or an index with it and what attests it.
std::vector<Descriptor> entries_of(const Document& document, const std::string& architecture) {
  if (is_index(document.descriptor.media_type)) return parse_index(document.content, "index").manifests;
  Descriptor entry = document.descriptor;
  entry.platform = Platform{"linux", architecture, ""};
  return {entry};
}

}  // namespace

Tagged retag(const Reference& from, const Reference& to, Registry& registry, Reporter& reporter,
             const std::filesystem::path& work) {
  try {
    const Document document = require(registry, from);
    const auto there = registry.manifest_descriptor(to);
    if (there && there->digest == document.descriptor.digest) return {document.descriptor, false};
    const auto activity = reporter.start("tag", to.canonical());
    if (from.locator() != to.locator()) Copy{from, to, registry, work}.run(document);
    registry.push_manifest(to, document.content, document.descriptor.media_type);
    activity->finish(document.descriptor.digest.to_string().substr(0, 19));
    return {document.descriptor, true};
  } catch (const Error& error) {
    throw error.within("tagging ", quote(to.canonical()));
  }
}

Tagged rebuild_index(const Reference& name, const std::vector<std::string>& architectures, Registry& registry,
                     Reporter& reporter) {
  try {
    Index local;
    local.media_type = media_type::kIndex;
    for (const std::string& architecture : architectures) {
      const Reference image = with_tag_suffix(name, "-" + architecture);
      const auto document = registry.manifest(image);
      if (!document) {
        reporter.warning(concat("the registry has no ", quote(image.canonical())));
        continue;
      }
      for (Descriptor& entry : entries_of(*document, architecture)) local.manifests.push_back(std::move(entry));
    }
    if (local.manifests.empty()) {
      throw Error{"the registry has no image of it for any architecture"}.with_hint(
          "push it from the machines that build it first: kiln pkg push DIR");
    }
    drop_dangling(local);
    sort_entries(local);
    const auto there = registry.manifest(name);
    Index remote;
    if (there && is_index(there->descriptor.media_type)) remote = parse_index(there->content, "index");
    Index merged = merge_indexes(remote, local);
    merged.media_type = media_type::kIndex;
    if (there && to_json(merged) == to_json(remote)) return {there->descriptor, false};
    const std::string content = to_json(merged);
    registry.push_manifest(name, content, merged.media_type);
    Descriptor descriptor;
    descriptor.media_type = merged.media_type;
    descriptor.digest = Digest::of(content);
    descriptor.size = content.size();
    return {descriptor, true};
  } catch (const Error& error) {
    throw error.within("making the index ", quote(name.canonical()));
  }
}

}  // namespace kiln::oci
