#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "base/reporter.h"
#include "base/stream.h"
#include "base/thread_pool.h"
#include "build/input_tar.h"
#include "oci/image.h"
#include "tree/layer_content.h"
#include "tree/layer_index.h"

namespace kiln::build {

/// An indexed tar whose content can be streamed: a layer of an image, or a tar that is a file inside one (kernel.tar).
struct Layer {
  std::string name;            ///< for errors: "layer sha256:… of 'web:1'"
  oci::Descriptor blob;        ///< in the store
  std::filesystem::path file;  ///< or an uncompressed tar of this host, if not empty
  std::uint64_t offset = 0;    ///< where in the uncompressed blob the tar starts
  std::uint32_t whole = 0;     ///< number of the layer that is the whole blob: this one, or the one it is a file of
  Sha256 identity;             ///< of the tar's content as far as caching is concerned: names it in keys
  tree::LayerIndex index;
};

/// The layers a build uses, each opened (and, the first time ever, indexed) once. Indexes are kept in the store's
/// derived directory `layers`, named by what they index; one that is damaged or of an older version is made anew.
class Layers {
 public:
  Layers(const oci::Store& store, Reporter& reporter) : store_{store}, reporter_{reporter} {}

  /// Makes sure that every layer of these images is indexed, in parallel. Whoever brings an image into the store does
  /// this at once, so that no build has to wait for it.
  void prepare(std::span<const oci::Image* const> images, ThreadPool& pool);

  /// The layers of an image, base first. Numbers are positions in layer().
  std::vector<std::uint32_t> of_image(const oci::Image& image);

  /// The tar that is entry `entry` (a regular file, stored without holes) of layer `outer`.
  std::uint32_t nested(std::uint32_t outer, std::uint32_t entry);

  /// The tar of an earlier build.
  std::uint32_t of_tar(const TarFile& tar);

  /// The content of a regular file that is small enough to be held in memory. Read from the layer once; then it is in
  /// the derived directory `files`, named by its digest.
  std::string read_file(std::uint32_t layer, std::uint32_t entry) const;

  const Layer& layer(std::uint32_t number) const { return layers_[number]; }

  const oci::Store& store() const { return store_; }

  /// The uncompressed tar from its start.
  std::unique_ptr<tree::LayerTar> open(const Layer& layer) const;

  /// Whether reading from there on takes little more than what lies there: little is inflated to get there.
  bool can_enter(const Layer& layer, std::uint64_t tar_offset) const;

 private:
  std::filesystem::path index_path(const Sha256& identity) const;
  tree::LayerIndex open_or_make_index(const Sha256& identity, const std::string& name, std::uint64_t size,
                                      const std::function<void(Sink& index)>& make) const;
  tree::LayerIndex index_of_blob(const oci::Descriptor& blob, const std::string& name) const;
  std::uint32_t add(Layer layer);

  const oci::Store& store_;
  Reporter& reporter_;
  std::deque<Layer> layers_;
  std::map<Sha256, std::uint32_t> numbers_;  ///< by identity
};

}  // namespace kiln::build
