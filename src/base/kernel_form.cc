#include "base/kernel_form.h"

#include <cstring>
#include <optional>

namespace kiln {
namespace {

/// The integer at `offset`, if the bytes go that far.
template <typename T>
std::optional<T> at(Bytes head, std::uint64_t offset) {
  if (offset > head.size() || head.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, head.data() + offset, sizeof value);
  return value;
}

bool has_text(Bytes head, std::size_t offset, std::string_view text) {
  return head.size() >= offset + text.size() && as_text(head).substr(offset, text.size()) == text;
}

/// PE/COFF "Machine Types".
std::string_view pe_architecture(Bytes head) {
  const auto header = at<le32>(head, 0x3c);
  if (!has_text(head, 0, "MZ") || !header || !at<le32>(head, *header)) return {};
  if (!has_text(head, *header, std::string_view{"PE\0\0", 4})) return {};
  const auto machine = at<le16>(head, std::uint64_t{*header} + 4);
  switch (machine ? std::uint16_t{*machine} : 0) {
    case 0xaa64:
      return "arm64";
    case 0x8664:
      return "amd64";
    case 0x014c:
      return "386";
    case 0x5064:
      return "riscv64";
    default:
      return {};
  }
}

/// ELF specification, e_machine.
std::string_view elf_architecture(Bytes head) {
  const auto machine = at<le16>(head, 18);
  switch (machine ? std::uint16_t{*machine} : 0) {
    case 183:
      return "arm64";
    case 62:
      return "amd64";
    case 3:
      return "386";
    case 243:
      return "riscv64";
    default:
      return {};
  }
}

/// x86/boot.rst: from protocol 2.12 on xloadflags bit 0 says that there is a 64-bit entry point.
std::string_view bzimage_architecture(Bytes head) {
  constexpr std::uint16_t kHasXloadflags = 0x020c;
  const auto version = at<le16>(head, 0x206);
  const auto xloadflags = at<le16>(head, 0x236);
  const bool is_64_bit = version && *version >= kHasXloadflags && xloadflags && (*xloadflags & 1) != 0;
  return is_64_bit ? "amd64" : "386";
}

/// zboot-header.S: "MZ\0\0" "zimg", payload offset and size, 8 reserved bytes, compression type (NUL-terminated).
KernelInfo zboot(Bytes head) {
  constexpr std::size_t kTypeOffset = 24;
  constexpr std::size_t kTypeSize = 32;
  const auto offset = at<le32>(head, 8);
  const auto size = at<le32>(head, 12);
  if (!offset || !size || head.size() < kTypeOffset + kTypeSize) return {};
  std::string_view type = as_text(head).substr(kTypeOffset, kTypeSize);
  type = type.substr(0, type.find('\0'));
  if (type.starts_with("zstd")) type = "zstd";
  return {KernelForm::efi_zboot, pe_architecture(head), *offset, *size, std::string{type}};
}

/// x86/boot.rst, payload_offset (from protocol 2.08 on): counted from the protected-mode code, which follows the boot
/// sector and the setup sectors (0 of which stands for 4). Its compression shows in its own first bytes.
KernelInfo bzimage(Bytes head) {
  constexpr std::uint16_t kHasPayload = 0x0208;
  KernelInfo info{KernelForm::bzimage, bzimage_architecture(head), 0, 0, {}};
  const auto version = at<le16>(head, 0x206);
  const auto offset = at<le32>(head, 0x248);
  const auto size = at<le32>(head, 0x24c);
  if (!version || *version < kHasPayload || !offset || !size || *size == 0) return info;
  const auto setup_sectors = std::to_integer<std::uint64_t>(head[0x1f1]);
  info.payload_offset = ((setup_sectors == 0 ? 4 : setup_sectors) + 1) * 512 + *offset;
  info.payload_size = *size;
  return info;
}

}  // namespace

KernelInfo recognise_kernel(Bytes head) {
  if (head.size() > kKernelHeadSize) head = head.first(kKernelHeadSize);
  // zboot first: its header leaves 0x38 to the PE header offset's neighbour, which must not be taken for an Image's.
  if (has_text(head, 0, std::string_view{"MZ\0\0zimg", 8})) return zboot(head);
  if (has_text(head, 0x38, "ARM\x64")) return {KernelForm::arm64_image, "arm64", 0, 0, {}, has_text(head, 0, "MZ")};
  if (has_text(head, 0x38, "RSC\x05")) return {KernelForm::riscv64_image, "riscv64", 0, 0, {}, has_text(head, 0, "MZ")};
  if (has_text(head, 0x202, "HdrS") && has_text(head, 0x1fe, "\x55\xaa")) {
    return bzimage(head);
  }
  if (has_text(head, 0, "\x1f\x8b\x08")) return {KernelForm::gzip, {}, 0, 0, {}};
  if (has_text(head, 0,
               "\x7f"
               "ELF"))
    return {KernelForm::elf, elf_architecture(head), 0, 0, {}};
  return {};
}

std::string_view name_of(KernelForm form) {
  switch (form) {
    case KernelForm::arm64_image:
      return "raw arm64 Image";
    case KernelForm::riscv64_image:
      return "raw riscv64 Image";
    case KernelForm::bzimage:
      return "x86 bzImage";
    case KernelForm::efi_zboot:
      return "EFI zboot image";
    case KernelForm::gzip:
      return "gzip-compressed Image";
    case KernelForm::elf:
      return "ELF image";
    case KernelForm::unknown:
      break;
  }
  return "file of an unknown form";
}

}  // namespace kiln
