#include "publish/os_push.h"

#include <map>
#include <set>

#include "base/error.h"
#include "base/guarded.h"
#include "base/human.h"
#include "build/segment_cache.h"
#include "publish/boot_kernel.h"

namespace kiln::publish {
namespace {

namespace fs = std::filesystem;

oci::Digest digest_of(const FilePart& part) {
  if (part.is_segment) return oci::Digest{build::content_digest({part.path, part.size})};
  const UniqueFd fd = open_file(part.path);
  FdSource file{fd.get(), part.path.native()};
  LimitedSource content{file, part.size};
  Sha256Hasher hasher;
  std::vector<std::byte> buffer(256 << 10);
  while (const std::size_t got = content.read(buffer)) hasher.update(Bytes{buffer}.first(got));
  return oci::Digest{hasher.finish()};
}

/// An artifact together with the files that its blobs are the beginnings of.
struct PreparedOs {
  OsArtifact artifact;
  std::map<oci::Digest, fs::path> files;
};

PreparedOs prepare(const BootParts& parts, const fs::path& scratch) {
  make_directories(scratch);
  const BootKernel kernel = make_boot_kernel(parts.kernel.path, scratch);
  PreparedOs os;
  const auto add_text = [&](const std::string& text, const char* name) {
    write_file(scratch / name, text);
    os.files.emplace(oci::Digest::of(text), scratch / name);
  };
  os.artifact.architecture = kernel.architecture;
  os.artifact.root_size = parts.root_size;
  os.artifact.kernel = kernel_descriptor(digest_of({kernel.path, kernel.size, false}), kernel.size);
  os.files.emplace(os.artifact.kernel.digest, kernel.path);
  for (const FilePart& part : parts.initramfs) {
    os.artifact.initramfs.push_back(initramfs_descriptor(digest_of(part), part.size, os.artifact.initramfs.size()));
    os.files.emplace(os.artifact.initramfs.back().digest, part.path);
  }
  if (!parts.cmdline.empty()) {
    os.artifact.cmdline = cmdline_descriptor(parts.cmdline);
    add_text(parts.cmdline, "cmdline");
  }
  IpxeScript script = script_of(os.artifact, parts.cmdline);
  script.beside_script = true;
  const std::string text = to_text(script);
  os.artifact.script = script_descriptor(text);
  add_text(text, "script");
  return os;
}

std::vector<PreparedOs> prepare_all(const std::vector<BootParts>& systems, const fs::path& scratch) {
  std::vector<PreparedOs> all;
  std::set<std::string> architectures;
  for (const BootParts& parts : systems) {
    all.push_back(prepare(parts, scratch / std::to_string(all.size())));
    const std::string& architecture = all.back().artifact.architecture;
    if (!architectures.insert(architecture).second) {
      throw Error{"there are two systems for ", architecture, ": an index has one for each architecture"};
    }
  }
  return all;
}

class OsPush {
 public:
  OsPush(const oci::Reference& reference, oci::Registry& registry, ThreadPool& uploads, Reporter& reporter)
      : reference_{reference},
        registry_{registry},
        uploads_{uploads},
        activity_{reporter.start("push", reference.canonical())} {}

  PushedOs run(const std::vector<PreparedOs>& systems, const fs::path& scratch) {
    push_blobs(systems, scratch);
    PushedOs out = *counts_.lock();
    for (const PreparedOs& os : systems) out.artifacts.push_back(os.artifact);
    out.descriptor = push_manifests(out.artifacts);
    activity_->finish(concat(out.sent, " of ", out.blobs, " blobs sent, ", human_size(out.sent_bytes)));
    return out;
  }

 private:
  struct Upload {
    NamedBlob named;
    fs::path file;
  };

  static std::vector<Upload> uploads_of(const std::vector<PreparedOs>& systems, const fs::path& scratch) {
    std::vector<Upload> out;
    std::set<oci::Digest> seen;
    for (const PreparedOs& os : systems) {
      for (NamedBlob& named : blobs_of(os.artifact)) {
        if (!seen.insert(named.blob.digest).second) continue;
        const fs::path file = os.files.at(named.blob.digest);
        out.push_back({std::move(named), file});
      }
    }
    const fs::path empty = scratch / "config";
    write_file(empty, "{}");
    out.push_back({{empty_descriptor(), "config"}, empty});
    return out;
  }

  void push_blobs(const std::vector<PreparedOs>& systems, const fs::path& scratch) {
    const std::vector<Upload> uploads = uploads_of(systems, scratch);
    std::uint64_t total = 0;
    for (const Upload& upload : uploads) total += upload.named.blob.size;
    activity_->expect(total);
    counts_.lock()->blobs = uploads.size();
    TaskGroup group{uploads_};
    for (const Upload& upload : uploads) group.run([this, &upload] { push_blob(upload); });
    group.wait();
  }

  void push_blob(const Upload& upload) {
    const oci::Descriptor& blob = upload.named.blob;
    try {
      const UniqueFd file = open_file(upload.file);
      if (registry_.push_blob(reference_, blob, file.get(), std::nullopt) == oci::Pushed::uploaded) {
        const auto counts = counts_.lock();
        ++counts->sent;
        counts->sent_bytes += blob.size;
      }
      activity_->advance(blob.size);
    } catch (const Error& error) {
      throw error.within(upload.named.name, " (", blob.digest.to_string(), ")");
    }
  }

  /// The manifests of an index go by digest, before it.
  oci::Descriptor push_manifests(const std::vector<OsArtifact>& artifacts) {
    oci::Index index;
    index.media_type = oci::media_type::kIndex;
    index.artifact_type = kOsArtifactType;
    for (const OsArtifact& artifact : artifacts) {
      const std::string manifest = to_json(to_manifest(artifact));
      oci::Descriptor descriptor;
      descriptor.media_type = oci::media_type::kManifest;
      descriptor.digest = oci::Digest::of(manifest);
      descriptor.size = manifest.size();
      descriptor.artifact_type = kOsArtifactType;
      descriptor.platform = oci::Platform{"linux", artifact.architecture, ""};
      if (artifacts.size() == 1) {
        registry_.push_manifest(reference_, manifest, descriptor.media_type);
        return descriptor;
      }
      registry_.push_manifest(by_digest(descriptor.digest), manifest, descriptor.media_type);
      index.manifests.push_back(std::move(descriptor));
    }
    const std::string text = to_json(index);
    registry_.push_manifest(reference_, text, index.media_type);
    oci::Descriptor descriptor;
    descriptor.media_type = index.media_type;
    descriptor.digest = oci::Digest::of(text);
    descriptor.size = text.size();
    return descriptor;
  }

  oci::Reference by_digest(const oci::Digest& digest) const {
    return oci::Reference::parse(concat(reference_.locator(), "@", digest.to_string()));
  }

  const oci::Reference& reference_;
  oci::Registry& registry_;
  ThreadPool& uploads_;
  std::unique_ptr<Activity> activity_;
  Guarded<PushedOs> counts_;
};

}  // namespace

PushedOs push_os(const std::vector<BootParts>& systems, const oci::Reference& reference, oci::Registry& registry,
                 ThreadPool& uploads, const fs::path& scratch, Reporter& reporter) {
  try {
    if (reference.digest()) throw Error{"a digest names what is there already: expected a tag"};
    const std::vector<PreparedOs> prepared = prepare_all(systems, scratch);
    return OsPush{reference, registry, uploads, reporter}.run(prepared, scratch);
  } catch (const Error& error) {
    throw error.within("pushing ", quote(reference.canonical()));
  }
}

}  // namespace kiln::publish
