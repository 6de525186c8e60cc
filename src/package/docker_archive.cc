#include "package/docker_archive.h"

#include <nlohmann/json.hpp>
#include <set>

#include "archive/decompress.h"
#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/sha256.h"

namespace kiln::package {
namespace {

class CountingHash final : public Sink {
 public:
  void write(Bytes data) override {
    hasher_.update(data);
    size_ += data.size();
  }
  std::uint64_t size() const { return size_; }
  Sha256 finish() { return hasher_.finish(); }

 private:
  Sha256Hasher hasher_;
  std::uint64_t size_ = 0;
};

class ArchiveWriter {
 public:
  ArchiveWriter(const oci::Store& store, Sink& out) : store_{store}, out_{out} {}

  void add(const std::string& path, std::string_view content) {
    if (!written_.insert(path).second) return;
    header(path, content.size());
    out_.write(as_bytes(content));
    pad(content.size());
  }

  /// A layer as a plain tar. It is inflated twice, as a tar says its length first: no temporary file has to hold it.
  void add_layer(const std::string& path, const oci::Descriptor& layer, const oci::Digest& diff_id) {
    if (!written_.insert(path).second) return;
    CountingHash first;
    inflate(layer, first);
    if (const oci::Digest got{first.finish()}; got != diff_id) {
      throw Error{"layer ",      layer.digest.to_string(), ": its content is ", got.to_string(),
                  ", expected ", diff_id.to_string()};
    }
    header(path, first.size());
    inflate(layer, out_);
    pad(first.size());
  }

  void finish() { out_.write(as_bytes(archive::tar_end())); }

 private:
  void header(const std::string& path, std::uint64_t size) {
    archive::TarHeader header;
    header.path = path;
    header.mode = 0444;
    header.size = size;
    std::string blocks;
    archive::append_tar_header(blocks, header);
    out_.write(as_bytes(blocks));
  }

  void pad(std::uint64_t size) {
    const std::string zeros(archive::tar_padding(size), '\0');
    out_.write(as_bytes(zeros));
  }

  void inflate(const oci::Descriptor& layer, Sink& to) const {
    const UniqueFd file = store_.open(layer);
    const std::string name = concat("layer ", layer.digest.to_string());
    FdSource source{file.get(), name};
    copy(*archive::decompress(source, name), to);
  }

  const oci::Store& store_;
  Sink& out_;
  std::set<std::string> written_;
};

std::string layer_path(const oci::Digest& diff_id) { return concat(diff_id.hex(), "/layer.tar"); }

}  // namespace

void write_docker_archive(const std::vector<ArchivedImage>& images, const oci::Store& store, Sink& out) {
  ArchiveWriter writer{store, out};
  auto list = nlohmann::ordered_json::array();
  for (const ArchivedImage& archived : images) {
    const oci::Image& image = archived.image;
    const std::string config = concat(image.manifest.config.digest.hex(), ".json");
    writer.add(config, store.read(image.manifest.config));
    auto layers = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
      const oci::Digest& diff_id = image.config.diff_ids.at(i);
      writer.add_layer(layer_path(diff_id), image.manifest.layers[i], diff_id);
      layers.push_back(layer_path(diff_id));
    }
    nlohmann::ordered_json entry;
    entry["Config"] = config;
    entry["RepoTags"] = nullptr;
    if (!archived.names.empty()) entry["RepoTags"] = archived.names;
    entry["Layers"] = std::move(layers);
    list.push_back(std::move(entry));
  }
  writer.add("manifest.json", list.dump());
  writer.finish();
}

}  // namespace kiln::package
