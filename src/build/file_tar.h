#pragma once

#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/stream.h"
#include "tree/layer_content.h"

namespace kiln::build {

/// An uncompressed tar of this host.
class FileTar final : public tree::LayerTar {
 public:
  explicit FileTar(const std::filesystem::path& path) : fd_{open_file(path)}, source_{fd_.get(), path.native()} {}

  std::size_t read(MutableBytes into) override { return source_.read(into); }
  std::uint64_t skip(std::uint64_t most) override {
    if (::lseek(fd_.get(), static_cast<off_t>(most), SEEK_CUR) < 0) throw SysError{errno, "seeking in a tar"};
    return most;
  }

 private:
  UniqueFd fd_;
  FdSource source_;
};

}  // namespace kiln::build
