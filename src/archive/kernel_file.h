#pragma once

#include <filesystem>

#include "base/kernel_form.h"
#include "base/stream.h"

namespace kiln::archive {

/// A Linux kernel on disk, whatever it is wrapped in.
class KernelFile {
 public:
  /// Looks at its first bytes, and at those inside a gzip stream. Throws Error if they cannot be read.
  explicit KernelFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  /// Of the file itself; of a gzip stream the architecture is that of what is inside.
  const KernelInfo& info() const { return info_; }
  /// Of the kernel inside a gzip stream or an EFI zboot image; else as info(). Throws Error if it cannot be unpacked.
  KernelInfo inside() const;
  /// Writes that kernel. Its size is bounded by nothing but what the file says, memory by a constant.
  void unwrap(Sink& out) const;
  /// Writes the kernel proper, for loaders that want it as it is in memory: what unwrap() gives, and of a bzImage the
  /// ELF file inside. Throws Error for a kernel that is not compressed, or in a way not known here.
  void extract(Sink& out) const;

 private:
  template <typename Use>
  auto with_content(Use use) const;

  std::filesystem::path path_;
  KernelInfo info_;
};

}  // namespace kiln::archive
