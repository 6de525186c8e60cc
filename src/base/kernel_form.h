#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace kiln {

/// The outermost wrapping of a Linux kernel file.
enum class KernelForm {
  unknown,
  arm64_image,    ///< raw Image, with or without EFI stub (Documentation/arch/arm64/booting.rst, §4)
  riscv64_image,  ///< the same for RISC-V (Documentation/arch/riscv/boot-image-header.rst)
  bzimage,        ///< x86 boot protocol, with or without EFI stub (Documentation/arch/x86/boot.rst)
  efi_zboot,      ///< EFI program around a compressed Image (drivers/firmware/efi/libstub/zboot-header.S)
  gzip,           ///< Image.gz: what is inside shows once it is decompressed
  elf             ///< vmlinux
};

/// What the first bytes of a kernel file say.
struct KernelInfo {
  KernelForm form = KernelForm::unknown;
  std::string_view architecture;  ///< Go's name (arm64, amd64, 386, riscv64); empty: not known from these bytes

  /// Of efi_zboot and bzimage: where the compressed kernel proper is, from the start of the file (size 0: not known);
  /// of efi_zboot also how it is compressed ("gzip", "zstd", "xz" …; the kernel's "zstd22" is given as "zstd").
  std::uint64_t payload_offset = 0;
  std::uint64_t payload_size = 0;
  std::string payload_compression;

  /// Of a raw Image: it begins as an EFI program does ("MZ"). UEFI firmware, and so iPXE, starts no other.
  bool efi_stub = false;

  bool operator==(const KernelInfo&) const = default;
};

/// How many bytes recognise_kernel() looks at, at most.
inline constexpr std::size_t kKernelHeadSize = 4096;

/// Recognises a kernel by its first bytes; a file shorter than its header, or of no form we know, is `unknown`.
KernelInfo recognise_kernel(Bytes head);

/// "raw arm64 Image", "EFI zboot image" …
std::string_view name_of(KernelForm form);

}  // namespace kiln
