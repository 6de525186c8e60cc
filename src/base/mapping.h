#pragma once

#include <filesystem>

#include "base/bytes.h"

namespace kiln {

/// A file mapped for reading, for as long as this lives. The file must not shrink meanwhile: Kiln maps only files of
/// its own store, which are never written again once they have their name.
class Mapping {
 public:
  Mapping() = default;
  explicit Mapping(const std::filesystem::path& path);  ///< throws SysError
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;

  Bytes bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

}  // namespace kiln
