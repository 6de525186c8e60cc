#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "base/guarded.h"
#include "oci/digest.h"
#include "oci/endpoints.h"

namespace kiln::oci {

// Internal to this folder.

/// What became of mirrors while this process asked them. Thread-safe.
class MirrorState {
 public:
  using Warn = std::function<void(const std::string& message)>;
  explicit MirrorState(Warn warn) : warn_{std::move(warn)} {}

  /// Whether the place is worth asking: it answered so far, and did not give a wrong blob of this digest.
  bool is_usable(const Endpoint& endpoint, const Digest* blob = nullptr);

  /// A mirror failed, and `next` is asked instead. `is_down`: it did not even answer, and is left out from now on.
  void failed(const Endpoint& mirror, const Endpoint& next, const Error& error, bool is_down);

  void served(const Endpoint& endpoint, const Digest& blob);  ///< bytes of the blob came from there
  /// The blob was another than that. Whether a mirror had a part in it, which is not asked for it again.
  bool reject(const Digest& blob);

 private:
  struct Places {
    std::set<std::string> served, rejected;
  };

  Warn warn_;
  Guarded<std::set<std::string>> warned_, down_;  // by domain
  Guarded<std::map<Digest, Places>> blobs_;       // mirrors by domain
};

}  // namespace kiln::oci
