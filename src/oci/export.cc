#include "oci/export.h"

#include <nlohmann/json.hpp>
#include <set>

#include "archive/tar_writer.h"
#include "base/error.h"
#include "oci/json.h"

namespace kiln::oci {
namespace {

class TarFiles {
 public:
  explicit TarFiles(Sink& out) : out_{out} {}

  void directory(const std::string& path) { header(path + "/", '5', 0755, 0); }

  void file(const std::string& path, std::string_view text) {
    header(path, '0', 0644, text.size());
    out_.write(as_bytes(text));
    pad(text.size());
  }

  /// A blob of the store.
  void blob(const Store& store, const Descriptor& descriptor, const std::string& path) {
    const UniqueFd fd = store.open(descriptor);
    FdSource source{fd.get(), store.blob_path(descriptor.digest).native()};
    header(path, '0', 0644, descriptor.size);
    LimitedSource limited{source, descriptor.size};
    HashingTee tee{out_};
    copy(limited, tee);
    if (limited.left() > 0) throw Error{"blob ", descriptor.digest.to_string(), " was cut off while it was read"};
    if (const Digest got{tee.hasher.finish()}; got != descriptor.digest) {
      throw Error{"blob in the store: digest is ", got.to_string(), ", expected ", descriptor.digest.to_string()}
          .with_hint("'kiln cache verify' lists what is damaged");
    }
    pad(descriptor.size);
  }

  void end() { out_.write(as_bytes(archive::tar_end())); }

 private:
  struct HashingTee final : Sink {
    explicit HashingTee(Sink& into) : to{into} {}
    void write(Bytes data) override {
      hasher.update(data);
      to.write(data);
    }
    Sink& to;
    Sha256Hasher hasher;
  };

  void header(const std::string& path, char type, std::uint32_t mode, std::uint64_t size) {
    archive::TarHeader header;
    header.path = path;
    header.type = type;
    header.mode = mode;
    header.size = size;
    std::string text;
    archive::append_tar_header(text, header);
    out_.write(as_bytes(text));
  }

  void pad(std::uint64_t size) { out_.write(as_bytes(std::string(archive::tar_padding(size), '\0'))); }

  Sink& out_;
};

/// Manifest, configuration and layers, each once.
std::vector<Descriptor> blobs_of(const Image& image) {
  std::vector<Descriptor> blobs;
  std::set<Digest> seen;
  const auto add = [&](const Descriptor& blob) {
    if (seen.insert(blob.digest).second) blobs.push_back(blob);
  };
  add(image.descriptor);
  add(image.manifest.config);
  for (const Descriptor& layer : image.manifest.layers) add(layer);
  return blobs;
}

const char* layer_ending(const Descriptor& layer) {
  if (layer.media_type.ends_with("gzip")) return ".tar.gz";
  return layer.media_type.ends_with("zstd") ? ".tar.zst" : ".tar";
}

}  // namespace

void export_oci(const Store& store, const Image& image, const Reference& name, Sink& out) {
  TarFiles tar{out};
  tar.directory("blobs");
  tar.directory("blobs/sha256");
  for (const Descriptor& blob : blobs_of(image)) {
    tar.blob(store, blob, concat("blobs/sha256/", blob.digest.hex()));
  }
  Index index;
  index.media_type = media_type::kIndex;
  Descriptor entry = image.descriptor;
  entry.platform = image.config.platform;
  // containerd, Docker and LinuxKit read the first, skopeo and podman the second.
  entry.annotations["io.containerd.image.name"] = name.canonical();
  entry.annotations["org.opencontainers.image.ref.name"] = name.canonical();
  index.manifests.push_back(std::move(entry));
  tar.file("index.json", to_json(index));
  tar.file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
  tar.end();
}

void export_docker(const Store& store, const Image& image, const Reference& name, Sink& out) {
  TarFiles tar{out};
  const std::string config = image.manifest.config.digest.hex() + ".json";
  tar.blob(store, image.manifest.config, config);
  auto layers = nlohmann::ordered_json::array();
  std::set<Digest> written;
  for (const Descriptor& layer : image.manifest.layers) {
    const std::string path = layer.digest.hex() + layer_ending(layer);
    if (written.insert(layer.digest).second) tar.blob(store, layer, path);
    layers.push_back(path);
  }
  auto tags = nlohmann::ordered_json::array();
  if (!name.digest()) tags.push_back(name.tag() ? name.canonical() : name.canonical() + ":latest");
  nlohmann::ordered_json entry;
  entry["Config"] = config;
  entry["RepoTags"] = std::move(tags);
  entry["Layers"] = std::move(layers);
  tar.file("manifest.json", dump_json(nlohmann::ordered_json::array({std::move(entry)})));
  tar.end();
}

}  // namespace kiln::oci
