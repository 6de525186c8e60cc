#include "oci/import.h"

#include <algorithm>
#include <array>
#include <map>

#include "archive/decompress.h"
#include "archive/tar_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "oci/json.h"
#include "oci/manifest.h"
#include "oci/reference.h"

#include <nlohmann/json.hpp>

namespace kiln::oci {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxText = 16 << 20;  // of index.json and manifest.json; the same as Store::read
constexpr char kImageName[] = "io.containerd.image.name";
constexpr char kRefName[] = "org.opencontainers.image.ref.name";
constexpr std::string_view kBlobs = "blobs/";
constexpr std::string_view kOurBlobs = "blobs/sha256/";

/// "./a//b/../c" -> "a/c"; only ever a key of a map, never a path on this host.
std::string cleaned(std::string_view path) {
  const std::string text = fs::path{std::string{"/"}.append(path)}.lexically_normal().relative_path().native();
  return text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
}

/// A Docker archive's parts other than manifest.json: configurations and layers. What it has besides (VERSION, json,
/// repositories) is of older versions of the format.
bool is_docker_part(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  const bool has_known_ending = file.ends_with(".json") || file.ends_with(".tar") || file.ends_with(".tar.gz");
  return has_known_ending || file.starts_with("sha256:");
}

const char* layer_media_type(Bytes head) {
  switch (archive::detect_compression(head)) {
    case archive::Compression::gzip:
      return media_type::kLayerGzip;
    case archive::Compression::zstd:
      return media_type::kLayerZstd;
    default:
      return media_type::kLayerTar;
  }
}

/// The content of the file the reader stands at.
class EntryContent final : public Source {
 public:
  explicit EntryContent(archive::TarReader& reader) : reader_{reader} {}
  std::size_t read(MutableBytes into) override {
    if (rest_.empty()) rest_ = reader_.read();
    const std::size_t size = std::min(into.size(), rest_.size());
    std::copy_n(rest_.begin(), size, into.begin());
    rest_ = rest_.subspan(size);
    return size;
  }

 private:
  archive::TarReader& reader_;
  Bytes rest_;
};

struct HashingSink final : Sink {
  void write(Bytes data) override { hasher.update(data); }
  Sha256Hasher hasher;
};

/// Takes the files of an archive in whatever order they come, then makes images of them.
class Import {
 public:
  Import(Store& store, std::string what, std::string name)
      : store_{store}, what_{std::move(what)}, name_{std::move(name)} {}

  void file(std::string_view raw_path, std::uint64_t size, Source& content) {
    const std::string path = cleaned(raw_path);
    if (path == "index.json" || path == "manifest.json") {
      texts_[path] = read_text(content, kMaxText, path);
    } else if (path.starts_with(kOurBlobs)) {
      blob(path, size, content);
    } else if (!path.starts_with(kBlobs) && is_docker_part(path)) {
      keep(path, content);
    }
  }

  void link(std::string_view path, const std::string& target) { links_[cleaned(path)] = cleaned(target); }

  /// All of them, some perhaps without a name.
  ImportedImages images() { return texts_.contains("index.json") ? images_of_index() : images_of_docker(); }

  ImportedImages record() {
    ImportedImages images = this->images();
    if (!name_.empty() && images.size() != 1) {
      throw Error{what_, ": it has ", images.size(), " images, which cannot all be called ", quote(name_)};
    }
    if (!name_.empty()) images.front().first = Reference::parse(name_).canonical();
    std::erase_if(images, [](const auto& image) { return image.first.empty(); });
    if (images.empty()) {
      throw Error{what_, ": it has images but no names for them"}.with_hint("give it one: --name REFERENCE");
    }
    for (const auto& [name, descriptor] : images) store_.set(name, descriptor);
    return images;
  }

 private:
  struct Part {
    Descriptor descriptor;
    const char* layer_type;  ///< if it is a layer
  };

  void blob(const std::string& path, std::uint64_t size, Source& content) {
    const auto digest = Sha256::from_hex(path.substr(kOurBlobs.size()));
    if (!digest) throw Error{what_, ": ", quote(path), " is not named by a digest"};
    Descriptor expected;
    expected.digest = Digest{*digest};
    expected.size = size;
    const auto type = store_.has(expected) ? copy_nowhere(content) : copy_into(content, [&](Store::Writer& writer) {
      try {
        writer.commit(expected);
      } catch (const Error& error) {
        throw error.within(what_, ": ", quote(path));
      }
    });
    parts_[path] = {expected, type};
  }

  void keep(const std::string& path, Source& content) {
    Descriptor descriptor;
    const auto type = copy_into(content, [&](Store::Writer& writer) { descriptor = writer.commit(""); });
    parts_[path] = {descriptor, type};
  }

  /// Returns the media type it has if it is a layer.
  template <typename Commit>
  const char* copy_into(Source& content, Commit commit) {
    std::array<std::byte, 512> head{};
    const std::size_t size = read_full(content, head);
    Store::Writer writer = store_.write();
    writer.write(Bytes{head}.first(size));
    copy(content, writer);
    commit(writer);
    return layer_media_type(Bytes{head}.first(size));
  }

  static const char* copy_nowhere(Source& content) {
    std::array<std::byte, 512> head{};
    const std::size_t size = read_full(content, head);
    std::vector<std::byte> rest(std::size_t{1} << 16);
    while (content.read(rest) > 0) {
    }
    return layer_media_type(Bytes{head}.first(size));
  }

  // OCI.
  std::string image_name(const Descriptor& entry) const {
    if (const auto name = entry.annotations.find(kImageName); name != entry.annotations.end()) {
      return Reference::parse(name->second).canonical();
    }
    const auto name = entry.annotations.find(kRefName);
    // skopeo and buildah put a tag there, or what they were given.
    const bool is_whole = name != entry.annotations.end() && name->second.find_first_of("/:") != std::string::npos;
    return is_whole ? Reference::parse(name->second).canonical() : "";
  }

  ImportedImages images_of_index() {
    const std::string name = concat(what_, ": index.json");
    ImportedImages images;
    for (Descriptor& entry : parse_index(texts_["index.json"], name).manifests) {
      if (!is_index(entry.media_type) && !is_manifest(entry.media_type)) continue;
      require(entry);
      std::string its_name = image_name(entry);
      entry.annotations.erase(kImageName);
      entry.annotations.erase(kRefName);
      images.emplace_back(std::move(its_name), std::move(entry));
    }
    if (images.empty()) throw Error{name, ": it lists no images"};
    return images;
  }

  /// Whatever the image needs must be in the store by now; of an index, one of its platforms.
  void require(const Descriptor& descriptor) const {
    if (!store_.has(descriptor)) {
      throw Error{what_, ": blob ", descriptor.digest.to_string(), " is missing from it"}.with_hint(
          "the archive was cut off, or written for a registry that has the rest");
    }
    const std::string name = concat(what_, ": ", descriptor.digest.to_string());
    if (is_index(descriptor.media_type)) {
      const std::vector<Descriptor> entries = parse_index(store_.read(descriptor), name).manifests;
      const bool has_any =
          std::any_of(entries.begin(), entries.end(), [&](const Descriptor& entry) { return store_.has(entry); });
      if (!has_any && !entries.empty()) throw Error{name, ": none of the images it lists is in the archive"};
      for (const Descriptor& entry : entries) {
        if (store_.has(entry)) require(entry);
      }
    } else if (is_manifest(descriptor.media_type)) {
      const Manifest manifest = parse_manifest(store_.read(descriptor), name);
      require(manifest.config);
      for (const Descriptor& layer : manifest.layers) require(layer);
    }
  }

  // Docker.
  const Part& part(const std::string& path, std::string_view role) const {
    std::string at = cleaned(path);
    constexpr int kMostLinks = 8;
    for (int i = 0; i < kMostLinks && links_.contains(at); ++i) at = links_.at(at);
    const auto found = parts_.find(at);
    if (found == parts_.end()) throw Error{what_, ": ", role, " ", quote(path), " is missing from it"};
    return found->second;
  }

  void check_diff_id(const Descriptor& layer, const Digest& expected, const std::string& name) const {
    const UniqueFd file = store_.open(layer);
    FdSource compressed{file.get(), name};
    const std::unique_ptr<Source> tar = archive::decompress(compressed, name);
    HashingSink sink;
    copy(*tar, sink);
    if (const Digest got{sink.hasher.finish()}; got != expected) {
      throw Error{name, ": digest is ", got.to_string(), ", expected ", expected.to_string()};
    }
  }

  Descriptor docker_image(const JsonView& item) {
    Manifest manifest;
    manifest.media_type = media_type::kManifest;
    manifest.config = part(item.required("Config").text(), "configuration").descriptor;
    manifest.config.media_type = media_type::kConfig;
    const ImageConfig config =
        parse_image_config(store_.read(manifest.config), concat(what_, ": ", quote(item.text("Config"))));
    const std::vector<std::string> layers = item.texts("Layers");
    if (layers.size() != config.diff_ids.size()) {
      item.fail(concat("it has ", layers.size(), " layers, its configuration ", config.diff_ids.size()));
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const Part& layer = part(layers[i], "layer");
      check_diff_id(layer.descriptor, config.diff_ids[i], concat(what_, ": layer ", quote(layers[i])));
      manifest.layers.push_back(layer.descriptor);
      manifest.layers.back().media_type = layer.layer_type;
    }
    Descriptor descriptor = store_.put(to_json(manifest), media_type::kManifest);
    descriptor.platform = config.platform;
    return descriptor;
  }

  ImportedImages images_of_docker() {
    const auto text = texts_.find("manifest.json");
    if (text == texts_.end()) {
      throw Error{what_,
                  ": it is neither an OCI image layout nor a Docker archive: it has no index.json and no "
                  "manifest.json"};
    }
    const std::string name = concat(what_, ": manifest.json");
    const nlohmann::json parsed = parse_json(text->second, name);
    ImportedImages images;
    for (const JsonView& item : JsonView{parsed, name}.items()) {
      const Descriptor descriptor = docker_image(item);
      const std::vector<std::string> tags = item.texts("RepoTags");
      if (tags.empty()) images.emplace_back("", descriptor);
      for (const std::string& tag : tags) images.emplace_back(Reference::parse(tag).canonical(), descriptor);
    }
    if (images.empty()) throw Error{name, ": it lists no images"};
    return images;
  }

  Store& store_;
  std::string what_, name_;
  std::map<std::string, std::string> texts_;  ///< index.json, manifest.json
  std::map<std::string, Part> parts_;         ///< by cleaned path
  std::map<std::string, std::string> links_;
};

/// Where a symlink in the archive leads, as a path of the archive.
std::string symlink_target(const archive::TarEntry& entry) {
  return entry.link.starts_with('/') ? entry.link : (fs::path{entry.path}.parent_path() / entry.link).native();
}

void take_all(Source& tar, const std::string& what, Import& import) {
  const std::unique_ptr<Source> plain = archive::decompress(tar, what);
  archive::TarReader reader{*plain};
  try {
    while (const archive::TarEntry* entry = reader.next()) {
      if (entry->type == '1') import.link(entry->path, entry->link);
      if (entry->type == '2') import.link(entry->path, symlink_target(*entry));
      if (entry->type != '0') continue;
      EntryContent content{reader};
      import.file(entry->path, entry->size, content);
    }
  } catch (const Error& error) {
    if (error.message().starts_with(what)) throw;
    throw error.within(what);
  }
}

}  // namespace

ImportedImages import_images(Source& tar, const std::string& what, Store& store, const std::string& name) {
  Import import{store, what, name};
  take_all(tar, what, import);
  return import.record();
}

Descriptor import_image(Source& tar, const std::string& what, Store& store) {
  Import import{store, what, ""};
  take_all(tar, what, import);
  const ImportedImages images = import.images();
  for (const auto& [name, descriptor] : images) {
    if (descriptor.digest != images.front().second.digest) throw Error{what, ": it has several images, expected one"};
  }
  return images.front().second;
}

ImportedImages import_layout(const fs::path& directory, Store& store, const std::string& name) {
  Import import{store, quote(directory.native()), name};
  const auto take = [&](const fs::path& path, const std::string& name_in_layout) {
    const UniqueFd fd = open_file(path);
    FdSource content{fd.get(), path.native()};
    import.file(name_in_layout, fs::file_size(path), content);
  };
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator{directory / kOurBlobs, error}) {
    // Other tools keep what they have not finished beside the blobs.
    const std::string file = entry.path().filename();
    if (entry.is_regular_file() && Sha256::from_hex(file)) take(entry.path(), concat(kOurBlobs, file));
  }
  if (!fs::exists(directory / "index.json", error)) {
    throw Error{quote(directory.native()), ": it is not an OCI image layout: it has no index.json"};
  }
  take(directory / "index.json", "index.json");
  return import.record();
}

}  // namespace kiln::oci
