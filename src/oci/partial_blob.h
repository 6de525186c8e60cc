#pragma once

#include <filesystem>

#include "base/sha256.h"
#include "base/stream.h"
#include "base/unique_fd.h"
#include "oci/store.h"

namespace kiln::oci {

/// A blob on its way into the store that survives the end of the process: DIR/kiln/downloads/HEX grows as bytes
/// arrive, and whoever opens it next goes on from there. One holder at a time, over processes and threads: opening
/// waits for the lock. The file becomes the blob (a rename) once its digest is right.
class PartialBlob final : public Sink {
 public:
  PartialBlob(const Store& store, const Descriptor& blob);
  ~PartialBlob() override;
  PartialBlob(const PartialBlob&) = delete;
  PartialBlob& operator=(const PartialBlob&) = delete;

  /// Someone else finished it while we waited for the lock: nothing is left to do.
  bool is_complete() const { return complete_; }
  std::uint64_t size() const { return size_; }  ///< what is there

  /// Hashes what is there, and passes it on to `observer` if there is one. To be called once, before write().
  void replay(Sink* observer);
  void write(Bytes data) override;

  /// Whether the bytes are those of the blob. If so they are in the store, durably, when it returns; if not they are
  /// dropped, and the digest they have is in `got`.
  bool commit(Digest& got);

 private:
  void open_locked();
  void drop();

  Descriptor blob_;
  std::filesystem::path path_;    // under downloads
  std::filesystem::path target_;  // under blobs
  UniqueFd fd_;
  Sha256Hasher hasher_;
  std::uint64_t size_ = 0;
  std::uint64_t flushed_ = 0;
  bool complete_ = false;
};

/// Removes downloads nobody has continued for a fortnight.
void remove_abandoned_downloads(const Store& store);

}  // namespace kiln::oci
