#include "publish/os_pull.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "oci/fetch_blob.h"
#include "publish/ipxe_set.h"

namespace kiln::publish {
namespace {

constexpr std::uint64_t kMostCmdline = 64 << 10;

/// "arm64, amd64"
std::string architectures_of(const oci::Index& index) {
  std::string all;
  for (const oci::Descriptor& entry : index.manifests) {
    if (entry.platform) all += concat(all.empty() ? "" : ", ", entry.platform->architecture);
  }
  return all.empty() ? "none" : all;
}

const oci::Descriptor& choose(const oci::Index& index, const std::string& architecture) {
  if (architecture.empty()) {
    if (index.manifests.size() == 1) return index.manifests.front();
    throw Error{"it has several architectures: ", architectures_of(index)}.with_hint("say with --arch which one");
  }
  const auto found = std::find_if(index.manifests.begin(), index.manifests.end(), [&](const oci::Descriptor& entry) {
    return entry.platform && entry.platform->architecture == architecture;
  });
  if (found != index.manifests.end()) return *found;
  throw Error{"it has ", architectures_of(index), " only, not ", architecture}.with_hint(
      concat("push it with --arch ", architecture, " as well"));
}

OsArtifact checked(const std::string& manifest, const std::string& architecture) {
  OsArtifact artifact = parse_os_artifact(oci::parse_manifest(manifest, "manifest"), "manifest");
  if (!architecture.empty() && artifact.architecture != architecture) {
    throw Error{"it has ", artifact.architecture, " only, not ", architecture}.with_hint(
        concat("push it with --arch ", architecture, " as well"));
  }
  return artifact;
}

/// The documents that lead to an operating system.
struct Found {
  oci::Document root;      ///< under the reference
  oci::Document manifest;  ///< the same, or one of the index
  OsArtifact artifact;
};

Found find_documents(const oci::Reference& reference, const std::string& architecture, oci::Registry& registry) {
  std::optional<oci::Document> root = registry.manifest(reference);
  if (!root) {
    throw Error{"registry ", quote(reference.domain()), " has no such thing"}.with_hint(
        "check the name and the tag; 'kiln push oci' stores operating systems");
  }
  oci::Document manifest = *root;
  if (oci::is_index(root->descriptor.media_type)) {
    const oci::Descriptor entry = choose(oci::parse_index(root->content, "index"), architecture);
    auto document =
        registry.manifest(oci::Reference::parse(concat(reference.locator(), "@", entry.digest.to_string())));
    if (!document) throw Error{"the registry does not have manifest ", entry.digest.to_string(), " of its own index"};
    manifest = *std::move(document);
  }
  OsArtifact artifact = checked(manifest.content, architecture);
  return {*std::move(root), std::move(manifest), std::move(artifact)};
}

void check_cmdline_size(const OsArtifact& artifact) {
  if (!artifact.cmdline || artifact.cmdline->size <= kMostCmdline) return;
  throw Error{"its cmdline has ", artifact.cmdline->size, " bytes, at most ", kMostCmdline, " are read"};
}

/// The files of an artifact all of whose blobs are in the store.
BootParts parts_in(const oci::Store& store, const OsArtifact& artifact) {
  BootParts parts;
  parts.architecture = artifact.architecture;
  parts.kernel = {store.blob_path(artifact.kernel.digest), artifact.kernel.size, false};
  for (const oci::Descriptor& segment : artifact.initramfs) {
    parts.initramfs.push_back({store.blob_path(segment.digest), segment.size, false});
  }
  check_cmdline_size(artifact);
  if (artifact.cmdline) parts.cmdline = store.read(*artifact.cmdline);
  parts.root_size = artifact.root_size;
  return parts;
}

void fetch(const Found& found, const oci::Reference& reference, const oci::Store& store, oci::Registry& registry,
           ThreadPool& downloads, Activity& activity) {
  std::vector<NamedBlob> missing;
  std::set<oci::Digest> seen;
  std::uint64_t total = 0;
  const auto consider = [&](NamedBlob named) {
    if (store.has(named.blob) || !seen.insert(named.blob.digest).second) return;
    total += named.blob.size;
    missing.push_back(std::move(named));
  };
  for (NamedBlob& named : blobs_of(found.artifact)) consider(std::move(named));
  consider({empty_descriptor(), "config"});
  activity.expect(total);
  TaskGroup group{downloads};
  for (const NamedBlob& named : missing) {
    group.run([&] {
      try {
        oci::fetch_blob(reference, named.blob, store, registry, activity, group);
      } catch (const Error& error) {
        throw error.within(named.name, " (", named.blob.digest.to_string(), ")");
      }
    });
  }
  group.wait();
}

}  // namespace

RemoteOs find_os(const oci::Reference& reference, const std::string& architecture, oci::Registry& registry) {
  try {
    RemoteOs os{find_documents(reference, go_architecture(architecture), registry).artifact, {}};
    check_cmdline_size(os.artifact);
    if (!os.artifact.cmdline) return os;
    StringSink sink;
    registry.blob(reference, *os.artifact.cmdline, 0, sink);
    os.cmdline = sink.take();
    if (oci::Digest::of(os.cmdline) != os.artifact.cmdline->digest) throw Error{"its cmdline is damaged"};
    return os;
  } catch (const Error& error) {
    throw error.within(quote(reference.canonical()));
  }
}

std::optional<BootParts> find_os(const oci::Reference& reference, const std::string& architecture,
                                 const oci::Store& store) {
  std::optional<oci::Descriptor> descriptor = store.find(reference.canonical());
  if (!descriptor || !store.has(*descriptor)) return std::nullopt;
  try {
    const std::string wanted = go_architecture(architecture);
    if (oci::is_index(descriptor->media_type)) {
      descriptor = choose(oci::parse_index(store.read(*descriptor), "index"), wanted);
      if (!store.has(*descriptor)) return std::nullopt;
    }
    const OsArtifact artifact = checked(store.read(*descriptor), wanted);
    for (const NamedBlob& named : blobs_of(artifact)) {
      if (!store.has(named.blob)) return std::nullopt;
    }
    return parts_in(store, artifact);
  } catch (const Error& error) {
    throw error.within(quote(reference.canonical()), " in the cache");
  }
}

BootParts pull_os(const oci::Reference& reference, const std::string& architecture, oci::Store& store,
                  oci::Registry& registry, ThreadPool& downloads, Reporter& reporter) {
  const std::string name = quote(reference.canonical());
  try {
    const std::unique_ptr<Activity> activity = reporter.start("pull", reference.canonical());
    const Found found = find_documents(reference, go_architecture(architecture), registry);
    fetch(found, reference, store, registry, downloads, *activity);
    // From the leaves to the root and the name last: what the store has is complete at every moment.
    store.put(found.manifest.content, found.manifest.descriptor.media_type);
    store.put(found.root.content, found.root.descriptor.media_type);
    store.set(reference.canonical(), found.root.descriptor);
    activity->finish(found.manifest.descriptor.digest.to_string().substr(0, 19));
    return parts_in(store, found.artifact);
  } catch (const oci::RegistryUnreachable& error) {
    if (auto parts = find_os(reference, architecture, store)) {
      reporter.warning(concat(error.message(), "; taking ", name, " from the cache"));
      return *std::move(parts);
    }
    throw error.within("pulling ", name);
  } catch (const Error& error) {
    throw error.within("pulling ", name);
  }
}

}  // namespace kiln::publish
