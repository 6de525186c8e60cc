#include "oci/fetch_blob.h"

#include "base/error.h"
#include "oci/partial_blob.h"

namespace kiln::oci {
namespace {

/// Thrown out of a download whose siblings have failed.
struct Stopped {};

/// What a download goes through: the file, the observer, the progress, and a way to stop early.
class BlobStream final : public Sink {
 public:
  BlobStream(PartialBlob& blob, LayerSink* observer, Activity& activity, const TaskGroup& group)
      : blob_{blob}, observer_{observer}, activity_{activity}, group_{group} {}

  void write(Bytes data) override {
    if (group_.failed()) throw Stopped{};
    blob_.write(data);
    if (observer_ != nullptr) observer_->write(data);
    activity_.advance(data.size());
  }

 private:
  PartialBlob& blob_;
  LayerSink* observer_;
  Activity& activity_;
  const TaskGroup& group_;
};

struct Attempt {
  bool continued = false;  ///< from what an earlier download had left
  Digest got;              ///< of what there is now
};

Attempt try_blob(const Reference& repository, const Descriptor& blob, const Store& store, Registry& registry,
                 Activity& activity, const TaskGroup& group, PullObserver* observer) {
  PartialBlob partial{store, blob};
  if (partial.is_complete()) return {false, blob.digest};
  const std::unique_ptr<LayerSink> sink = observer != nullptr ? observer->begin_layer(blob) : nullptr;
  partial.replay(sink.get());
  Attempt attempt{partial.size() > 0, blob.digest};
  activity.advance(partial.size());
  BlobStream stream{partial, sink.get(), activity, group};
  registry.blob(repository, blob, partial.size(), stream);
  if (partial.commit(attempt.got) && sink) sink->commit();
  return attempt;
}

}  // namespace

void fetch_blob(const Reference& repository, const Descriptor& blob, const Store& store, Registry& registry,
                Activity& activity, const TaskGroup& group, PullObserver* observer) {
  try {
    Attempt attempt = try_blob(repository, blob, store, registry, activity, group, observer);
    // What an earlier process had left may be damaged (a power failure): then once more, from the start.
    if (attempt.continued && attempt.got != blob.digest) {
      attempt = try_blob(repository, blob, store, registry, activity, group, observer);
    }
    // A mirror may have another blob under the digest: then from elsewhere.
    while (attempt.got != blob.digest && registry.reject(blob)) {
      attempt = try_blob(repository, blob, store, registry, activity, group, observer);
    }
    if (attempt.got == blob.digest) return;
    throw Error{"digest is ", attempt.got.to_string(), ", expected ", blob.digest.to_string()}.with_hint(
        "the registry, or a proxy on the way to it, has damaged the layer; try again");
  } catch (const Stopped&) {
  }
}

}  // namespace kiln::oci
