#include "build/layers.h"

#include <unistd.h>

#include <optional>
#include <span>
#include <utility>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"
#include "build/file_tar.h"
#include "build/hashing_source.h"
#include "tree/layer_content.h"

namespace kiln::build {
namespace {

/// A blob of the store, uncompressed, from `offset` on: owns everything the stream needs.
class BlobTar final : public tree::LayerTar {
 public:
  /// `frames`: the index of the whole blob, which must outlive it.
  BlobTar(UniqueFd fd, const std::string& name, std::uint64_t offset, const tree::LayerIndex& frames)
      : fd_{std::move(fd)}, name_{name}, frames_{frames} {
    enter({});
    go_to(offset);
  }

  std::size_t read(MutableBytes into) override {
    const std::size_t got = tar_->read(into);
    position_ += got;
    return got;
  }

  std::uint64_t skip(std::uint64_t most) override {
    const std::uint64_t before = position_;
    const archive::FramePoint frame = frames_.frame_before(before + most);
    if (frame.uncompressed > before) enter(frame);
    return position_ - before;
  }

 private:
  void enter(const archive::FramePoint& frame) {
    if (::lseek(fd_.get(), static_cast<off_t>(frame.compressed), SEEK_SET) < 0) throw SysError{errno, name_};
    tar_.reset();  // before the next is made, which takes over its memory
    blob_.emplace(fd_.get(), frame.compressed == 0 ? name_ : concat(name_, " from byte ", frame.compressed, " on"));
    tar_ = archive::decompress(*blob_, name_);
    position_ = frame.uncompressed;
  }

  void go_to(std::uint64_t offset) {
    if (offset > position_) skip(offset - position_);
    std::vector<std::byte> scratch(offset > position_ ? 128 * 1024 : 0);
    while (position_ < offset) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(scratch.size(), offset - position_));
      if (read(MutableBytes{scratch}.first(want)) == 0)
        throw Error{name_, ": it ends ", offset - position_, " bytes before the tar in it begins"};
    }
  }

  UniqueFd fd_;
  std::string name_;
  const tree::LayerIndex& frames_;
  std::optional<FdSource> blob_;
  std::unique_ptr<Source> tar_;
  std::uint64_t position_ = 0;  ///< in the uncompressed blob
};

/// Writes the index of a layer. Any tool may have put the blob into the store, and disks rot: what is concluded from it
/// once and for all must be concluded from what its digest says. Damage is named first, whatever else it led to.
void write_index_of_blob(const oci::Store& store, const oci::Descriptor& blob, Sink& index) {
  UniqueFd fd = store.open(blob);
  FdSource file{fd.get(), "blob"};
  HashingSource hashed{file};
  const auto check = [&] {
    const oci::Digest got{hashed.finish()};
    if (got == blob.digest) return;
    throw Error{"digest is ", got.to_string(), ", expected ", blob.digest.to_string()}.with_hint(
        concat("the stored blob is damaged; remove ", quote(store.blob_path(blob.digest).native()),
               " and pull the image again"));
  };
  try {
    archive::FramePoints points;
    const std::unique_ptr<Source> tar = archive::decompress(hashed, "blob", &points);
    tree::LayerLimits limits;
    limits.compressed_size = blob.size;
    tree::write_layer_index(*tar, index, limits, &points);
  } catch (const SysError&) {
    throw;
  } catch (const Error&) {
    check();
    throw;
  }
  check();
}

constexpr std::uint64_t kLargestInMemory = std::uint64_t{32} << 20;

class StringVisitor final : public tree::ContentVisitor {
 public:
  explicit StringVisitor(std::string& to) : to_{to} {}
  void begin(std::uint32_t, std::uint64_t) override {}
  void data(Bytes piece) override { to_.append(reinterpret_cast<const char*>(piece.data()), piece.size()); }
  void end(std::uint32_t) override {}

 private:
  std::string& to_;
};

}  // namespace

std::filesystem::path Layers::index_path(const Sha256& identity) const {
  return store_.derived_directory("layers") / identity.hex();
}

std::unique_ptr<tree::LayerTar> Layers::open(const Layer& layer) const {
  if (!layer.file.empty()) return std::make_unique<FileTar>(layer.file);
  return std::make_unique<BlobTar>(store_.open(layer.blob), layer.name, layer.offset, layers_[layer.whole].index);
}

bool Layers::can_enter(const Layer& layer, std::uint64_t tar_offset) const {
  constexpr std::uint64_t kNear = 2 << 20;
  if (!layer.file.empty()) return true;
  const std::uint64_t at = layer.offset + tar_offset;
  return layers_[layer.whole].index.frame_before(at).uncompressed + kNear >= at;
}

tree::LayerIndex Layers::open_or_make_index(const Sha256& identity, const std::string& name, std::uint64_t size,
                                            const std::function<void(Sink& index)>& make) const {
  const std::filesystem::path path = index_path(identity);
  if (std::filesystem::exists(path)) {
    try {
      return tree::LayerIndex{path};
    } catch (const Error& error) {
      reporter_.detail(concat("indexing ", name, " again: ", error.message()));
    }
  }
  const auto activity = reporter_.start("index", name, size);
  try {
    AtomicFile file{path};
    make(file.sink());
    file.commit();
    activity->advance(size);
    activity->finish("");
  } catch (const SysError&) {
    throw;
  } catch (const Error& error) {
    throw error.within(name);
  }
  return tree::LayerIndex{path};
}

tree::LayerIndex Layers::index_of_blob(const oci::Descriptor& blob, const std::string& name) const {
  return open_or_make_index(blob.digest.sha256(), name, blob.size,
                            [&](Sink& index) { write_index_of_blob(store_, blob, index); });
}

std::uint32_t Layers::add(Layer layer) {
  const auto number = static_cast<std::uint32_t>(layers_.size());
  numbers_.emplace(layer.identity, number);
  layers_.push_back(std::move(layer));
  return number;
}

void Layers::prepare(std::span<const oci::Image* const> images, ThreadPool& pool) {
  std::map<Sha256, std::pair<oci::Descriptor, std::string>> missing;
  for (const oci::Image* image : images) {
    for (const oci::Descriptor& blob : image->manifest.layers) {
      if (!std::filesystem::exists(index_path(blob.digest.sha256()))) {
        missing.try_emplace(blob.digest.sha256(), blob,
                            concat("layer ", blob.digest.to_string(), " of ", quote(image->reference.canonical())));
      }
    }
  }
  TaskGroup group{pool};
  for (const auto& [identity, what] : missing) {
    const auto& [blob, name] = what;
    group.run([this, &layer = blob, &called = name] { index_of_blob(layer, called); });
  }
  group.wait();
}

std::vector<std::uint32_t> Layers::of_image(const oci::Image& image) {
  std::vector<std::uint32_t> numbers;
  for (const oci::Descriptor& blob : image.manifest.layers) {
    const Sha256& identity = blob.digest.sha256();
    if (const auto known = numbers_.find(identity); known != numbers_.end()) {
      numbers.push_back(known->second);
      continue;
    }
    const std::string name = concat("layer ", blob.digest.to_string(), " of ", quote(image.reference.canonical()));
    numbers.push_back(
        add({name, blob, {}, 0, static_cast<std::uint32_t>(layers_.size()), identity, index_of_blob(blob, name)}));
  }
  return numbers;
}

std::uint32_t Layers::of_tar(const TarFile& tar) {
  if (const auto known = numbers_.find(tar.content); known != numbers_.end()) return known->second;
  return add({quote(tar.path.native()),
              {},
              tar.path,
              0,
              static_cast<std::uint32_t>(layers_.size()),
              tar.content,
              tree::LayerIndex{tar.index}});
}

std::uint32_t Layers::nested(std::uint32_t outer_number, std::uint32_t entry_number) {
  const Layer& outer = layers_[outer_number];
  const tree::LayerEntry entry = outer.index.entry(entry_number);
  const std::string name = concat(quote(entry.path), " in ", outer.name);
  if (entry.kind != tree::Kind::regular) throw Error{name, ": it is not a regular file"};
  if (entry.extents.size() != 1) throw Error{name, ": it is empty or sparse, expected a tar"};
  // Where the same tar stands in two layers, each has a place of its own: the position is part of the identity.
  const std::uint64_t offset = outer.offset + entry.extents[0].tar_offset;
  const Sha256 identity = Sha256::of(concat(outer.identity.hex(), " ", offset, " ", entry.content.hex()));
  if (const auto known = numbers_.find(identity); known != numbers_.end()) return known->second;

  const auto write_index = [&](Sink& index) {
    BlobTar tar{store_.open(outer.blob), name, offset, layers_[outer.whole].index};
    LimitedSource limited{tar, entry.size};
    tree::write_layer_index(limited, index);
  };
  return add({name,
              outer.blob,
              {},
              offset,
              outer.whole,
              identity,
              open_or_make_index(identity, name, entry.size, write_index)});
}

std::string Layers::read_file(std::uint32_t layer_number, std::uint32_t entry_number) const {
  const Layer& layer = layers_[layer_number];
  const tree::LayerEntry entry = layer.index.entry(entry_number);
  if (entry.size > kLargestInMemory)
    throw Error{quote(entry.path),  " in ",           layer.name,     ": it has ", entry.size,
                " bytes, at most ", kLargestInMemory, " are accepted"};
  const std::filesystem::path path = store_.derived_directory("files") / entry.content.hex();
  std::error_code error;
  if (std::filesystem::file_size(path, error) == entry.size && !error) return kiln::read_file(path, kLargestInMemory);
  std::string content;
  StringVisitor visitor{content};
  const std::unique_ptr<tree::LayerTar> tar = open(layer);
  tree::read_contents(layer.index, *tar, std::span{&entry_number, 1}, visitor);
  write_file(path, content);
  return content;
}

}  // namespace kiln::build
