#pragma once

#include <filesystem>
#include <memory>

#include "oci/pull.h"
#include "oci/store.h"

namespace kiln::build {

/// Indexes layers while they are downloaded: each on a thread of its own that is fed through a small pipe, so that
/// inflating and hashing overlap with the transfer and no byte is read from the disk for it. A layer that cannot be
/// indexed is passed over here; Layers meets it again and says what is wrong with it.
class IndexingObserver final : public oci::PullObserver {
 public:
  explicit IndexingObserver(const oci::Store& store) : directory_{store.derived_directory("layers")} {}
  std::unique_ptr<oci::LayerSink> begin_layer(const oci::Descriptor& layer) override;

 private:
  std::filesystem::path directory_;
};

}  // namespace kiln::build
