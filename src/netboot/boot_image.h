#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/kernel_form.h"
#include "base/unique_fd.h"

namespace kiln::netboot {

/// A file of a system, held open: it can be sent to its end even when it has been replaced or removed meanwhile.
struct BootFile {
  std::string name;  ///< the last part of its URL: of a segment, what identifies its content
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t size = 0;
};

/// One version of a system as it is served. Never changes: a rebuild gives another one, with another ID, and machines
/// that began with this one get the rest of it.
struct BootImage {
  std::string id;  ///< follows from all below
  std::string architecture;
  std::string cmdline;
  KernelForm built_form = KernelForm::unknown;  ///< the kernel's before it was unpacked for iPXE
  BootFile kernel;
  std::vector<BootFile> initramfs;   ///< segments, in order; the early microcode, if any, is the first
  std::uint64_t initramfs_size = 0;  ///< of all segments
  std::uint64_t root_size = 0;       ///< once unpacked, shared files once; 0: not known

  const BootFile* segment(std::string_view name) const;
};

/// A kernel file in a form iPXE can start: itself, or, unpacked in memory, what is inside gzip and EFI zboot (iPXE has
/// no gzip; it would start a zboot image, but then the firmware has to unpack it with the initramfs already in place).
/// Throws Error for what is none: an ELF vmlinux, something unknown. `architecture` receives the kernel's.
struct StartableKernel {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t size = 0;
  std::string architecture;
  KernelForm built_form = KernelForm::unknown;
};
StartableKernel startable_kernel(const std::string& path);

/// The ID, from what identifies the contents.
std::string image_id(const BootImage& image, std::string_view kernel_identity);

/// Whether a machine with so much memory can boot it; otherwise why not, with the sizes. Memory 0 is not known.
std::string check_memory(const BootImage& image, std::uint64_t memory);

}  // namespace kiln::netboot
