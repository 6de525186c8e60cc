#pragma once

#include <vector>

#include "base/sha256.h"
#include "base/stream.h"

namespace kiln::build {

/// Hashes what is read through it.
class HashingSource final : public Source {
 public:
  explicit HashingSource(Source& from) : from_{from} {}
  std::size_t read(MutableBytes into) override {
    const std::size_t got = from_.read(into);
    hasher_.update(Bytes{into}.first(got));
    return got;
  }
  /// Of everything, what has not been read included.
  Sha256 finish() {
    std::vector<std::byte> rest(128 * 1024);
    while (read(rest) > 0) {
    }
    return hasher_.finish();
  }

 private:
  Source& from_;
  Sha256Hasher hasher_;
};

}  // namespace kiln::build
