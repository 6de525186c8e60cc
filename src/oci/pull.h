#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/reporter.h"
#include "base/thread_pool.h"
#include "oci/image.h"
#include "oci/registry.h"

namespace kiln::oci {

/// Gets the bytes of one layer as they arrive, as the registry has them (compressed), in order, each once. They are
/// not verified yet: only commit() says so. Destroyed without commit() when the layer turned out to be damaged or the
/// pull failed; if there is another attempt, it gets a new one. What it throws ends the pull.
class LayerSink : public Sink {
 public:
  virtual void commit() = 0;  ///< that was all of it, its digest is right, the blob is in the store
};

/// Lets a build look at layers while they are downloaded, so that no byte is read twice.
class PullObserver {
 public:
  virtual ~PullObserver() = default;
  /// Called on the thread that will write to the sink, concurrently for several layers; null: not interested. Layers
  /// the store already has are not announced.
  virtual std::unique_ptr<LayerSink> begin_layer(const Descriptor& layer) = 0;
};

struct PullOptions {
  /// Ask the registry even if the store has the name, and fetch what it has now if that is something else.
  bool refresh = false;
};

/// The image of one platform: from the store if it is there, else from its registry. Only what is wanted is fetched:
/// an index is stored whole, but of its images just the one for `platform`; the name is recorded under the canonical
/// reference when everything is in the store and verified. Interrupted downloads are continued, also by later calls.
///
/// `downloads` runs the transfers, which block on the network: use a pool of its own (4 threads is good), and do not
/// call this from one of its tasks. Throws Error: "pulling 'NAME': layer 2 of 5 (sha256:…): …".
Image pull_image(const Reference& reference, const Platform& platform, Store& store, Registry& registry,
                 ThreadPool& downloads, Reporter& reporter, PullObserver* observer = nullptr,
                 const PullOptions& options = {});

/// Images of one name with their attestations, as they lie in the store: for those who want not what is in an image but
/// the image itself, or what is said about it.
struct ImageSet {
  struct Member {
    Descriptor descriptor;  ///< as the index has it
    Manifest manifest;
  };
  Reference reference;
  Descriptor root;              ///< what the name stands for: an index, or the manifest of the only member
  std::vector<Member> members;  ///< in the order of the index
};

/// Those for `wanted`, or all if that is empty. Like pull_image() it asks the registry only for what is not there.
ImageSet pull_images(const Reference& reference, std::span<const Platform> wanted, Store& store, Registry& registry,
                     ThreadPool& downloads, Reporter& reporter, PullObserver* observer = nullptr,
                     const PullOptions& options = {});

}  // namespace kiln::oci
