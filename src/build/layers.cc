#include "build/layers.h"

#include <span>
#include <utility>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::build {
namespace {

/// A blob of the store, uncompressed, from `offset` on: owns everything the stream needs.
class BlobTar final : public Source {
 public:
  BlobTar(UniqueFd fd, const std::string& name, std::uint64_t offset)
      : fd_{std::move(fd)}, blob_{fd_.get(), name}, tar_{archive::decompress(blob_, name)} {
    skip(offset, name);
  }
  std::size_t read(MutableBytes into) override { return tar_->read(into); }

 private:
  void skip(std::uint64_t count, const std::string& name) {
    std::vector<std::byte> scratch(count > 0 ? 128 * 1024 : 0);
    while (count > 0) {
      const std::size_t got = tar_->read(
          MutableBytes{scratch}.first(static_cast<std::size_t>(std::min<std::uint64_t>(scratch.size(), count))));
      if (got == 0) throw Error{name, ": it ends ", count, " bytes before the tar in it begins"};
      count -= got;
    }
  }

  UniqueFd fd_;
  FdSource blob_;
  std::unique_ptr<Source> tar_;
};

}  // namespace

std::filesystem::path Layers::index_path(const Sha256& identity) const {
  return store_.derived_directory("layers") / identity.hex();
}

std::unique_ptr<Source> Layers::open(const Layer& layer) const {
  return std::make_unique<BlobTar>(store_.open(layer.blob), layer.name, layer.offset);
}

tree::LayerIndex Layers::open_or_make_index(const Sha256& identity, const std::string& name,
                                            const std::function<std::unique_ptr<Source>()>& open_tar,
                                            std::uint64_t compressed_size) const {
  const std::filesystem::path path = index_path(identity);
  if (std::filesystem::exists(path)) {
    try {
      return tree::LayerIndex{path};
    } catch (const Error& error) {
      reporter_.detail(concat("indexing ", name, " again: ", error.message()));
    }
  }
  const auto activity = reporter_.start("index", name, compressed_size);
  try {
    AtomicFile file{path};
    const std::unique_ptr<Source> tar = open_tar();
    tree::LayerLimits limits;
    limits.compressed_size = compressed_size;
    tree::write_layer_index(*tar, file.sink(), limits);
    file.commit();
  } catch (const SysError&) {
    throw;
  } catch (const Error& error) {
    throw error.within(name);
  }
  return tree::LayerIndex{path};
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
    group.run([this, &identity, &what] {
      const auto& [blob, name] = what;
      open_or_make_index(
          identity, name, [&] { return std::make_unique<BlobTar>(store_.open(blob), name, 0); }, blob.size);
    });
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
        add({name, blob, 0, identity,
             open_or_make_index(
                 identity, name, [&] { return std::make_unique<BlobTar>(store_.open(blob), name, 0); }, blob.size)}));
  }
  return numbers;
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

  class Nested final : public Source {
   public:
    Nested(std::unique_ptr<Source> tar, std::uint64_t size) : tar_{std::move(tar)}, limited_{*tar_, size} {}
    std::size_t read(MutableBytes into) override { return limited_.read(into); }

   private:
    std::unique_ptr<Source> tar_;
    LimitedSource limited_;
  };
  const auto open_tar = [&] {
    return std::make_unique<Nested>(std::make_unique<BlobTar>(store_.open(outer.blob), name, offset), entry.size);
  };
  return add({name, outer.blob, offset, identity, open_or_make_index(identity, name, open_tar, 0)});
}

}  // namespace kiln::build
