#pragma once

#include <filesystem>

#include "base/reporter.h"
#include "build/plan.h"

namespace kiln::build {

/// A file out of an image as a file of its own, in the store's derived directory `files`, named by its content.
struct ExtractedFile {
  std::filesystem::path path;
  std::uint64_t size = 0;
};
ExtractedFile extract_file(const Plan& plan, const Entry& entry, const oci::Store& store, Reporter& reporter);

/// The kernel proper of a compressed kernel (`--decompress-kernel`), as a file of this host for a plan: in the store's
/// derived directory `files` too. Throws Error if it is not compressed in a way known here.
HostFile decompress_kernel(const ExtractedFile& kernel, const oci::Store& store, Reporter& reporter);

/// Whether the kernel can unpack an initramfs compressed with zstd (CONFIG_RD_ZSTD): it then contains the messages of
/// its decompressor. Looks into gzip, zstd and xz compressed kernels (arm64 Image.gz, EFI zboot, x86 bzImage). False
/// when it cannot tell. The answer is kept beside the file.
bool reads_zstd(const ExtractedFile& kernel);

}  // namespace kiln::build
