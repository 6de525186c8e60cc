#include "disk/probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "base/text.h"
#include "base/unique_fd.h"

namespace guest {
namespace {

using std::string_view_literals::operator""sv;  // NOLINT(misc-unused-using-decls): clang-tidy overlooks its uses

std::string_view field(std::string_view start, std::size_t at, std::size_t size) {
  return at + size <= start.size() ? start.substr(at, size) : std::string_view{};
}

bool has(std::string_view start, std::size_t at, std::string_view magic) {
  return field(start, at, magic.size()) == magic;
}

std::string text_field(std::string_view start, std::size_t at, std::size_t size) {
  std::string_view text = field(start, at, size);
  return std::string{trim(text.substr(0, text.find('\0')))};
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) text += format("%02x", static_cast<unsigned char>(byte));
  return text;
}

std::string uuid_field(std::string_view start, std::size_t at) {
  std::string digits = hex(field(start, at, 16));
  if (digits.size() != 32) return {};
  for (std::size_t dash : {std::size_t{8}, std::size_t{13}, std::size_t{18}, std::size_t{23}}) digits.insert(dash, "-");
  return digits;
}

/// A signature with the places of what it carries; 0 where it carries none.
struct Signature {
  const char* type;
  std::size_t at;
  std::string_view magic;
  std::size_t label;
  std::size_t label_size;
  std::size_t uuid;
};

constexpr Signature kSignatures[] = {
    // Containers first: what is in them may look like something else.
    {"crypto_LUKS", 0, "LUKS\xba\xbe"sv, 0, 0, 0},
    {"LVM2_member", 512, "LABELONE"sv, 0, 0, 0},
    {"linux_raid_member", 4096, "\xfc\x4e\x2b\xa9"sv, 0, 0, 0},
    {"linux_raid_member", 0, "\xfc\x4e\x2b\xa9"sv, 0, 0, 0},
    {"bcache", 4096 + 24, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"sv, 0, 0, 0},
    {"ext4", 1024 + 56, "\x53\xef"sv, 1024 + 120, 16, 1024 + 104},
    {"xfs", 0, "XFSB"sv, 108, 12, 32},
    {"btrfs", 0x10040, "_BHRfS_M"sv, 0x1012b, 256, 0x10020},
    {"f2fs", 1024, "\x10\x20\xf5\xf2"sv, 0, 0, 1024 + 108},
    {"erofs", 1024, "\xe2\xe1\xf5\xe0"sv, 1024 + 64, 16, 1024 + 48},
    {"squashfs", 0, "hsqs"sv, 0, 0, 0},
    {"iso9660", 32768, "\1CD001"sv, 32768 + 40, 32, 0},
    {"zfs_member", 128 * 1024, "\x0c\xb1\xba\x00\0\0\0\0"sv, 0, 0, 0},
    // The magic stands at the end of a page, whose size is the machine's.
    {"swap", 4096 - 10, "SWAPSPACE2"sv, 1024 + 28, 16, 1024 + 12},
    {"swap", 16384 - 10, "SWAPSPACE2"sv, 1024 + 28, 16, 1024 + 12},
    {"swap", 65536 - 10, "SWAPSPACE2"sv, 1024 + 28, 16, 1024 + 12},
    {"gpt", 512, "EFI PART"sv, 0, 0, 512 + 56},
    {"gpt", 4096, "EFI PART"sv, 0, 0, 4096 + 56},
};

bool has_boot_signature(std::string_view start) { return has(start, 510, "\x55\xaa"sv); }

/// FAT, by BS_FilSysType of FAT12 and FAT16 or of FAT32 (Microsoft's FAT specification, section 3).
bool probe_fat(std::string_view start, Content& content) {
  if (!has_boot_signature(start)) return false;
  for (std::size_t type : {std::size_t{54}, std::size_t{82}}) {
    if (!has(start, type, "FAT"sv)) continue;
    std::string_view serial = field(start, type - 15, 4);
    std::string reversed{serial.rbegin(), serial.rend()};
    std::string digits = hex(reversed);
    std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) { return c >= 'a' ? char(c - 32) : c; });
    content = {"vfat", text_field(start, type - 11, 11), digits.insert(4, "-"), false};
    return true;
  }
  return false;
}

/// A partition table of DOS: the signature, and four entries of which each is free or well-formed and one is used.
bool probe_dos(std::string_view start) {
  if (!has_boot_signature(start)) return false;
  bool used = false;
  for (std::size_t at = 446; at < 510; at += 16) {
    auto flag = static_cast<unsigned char>(start[at]);
    if (flag != 0 && flag != 0x80) return false;
    used = used || start[at + 4] != 0;
  }
  return used;
}

/// Of 4096 random bytes 16 are zeros, and more than 64 once in many lives; of a boot sector or what is left of a file
/// system, most are.
bool looks_random(std::string_view start) {
  constexpr std::size_t kSample = 4096;
  std::string_view sample = field(start, 0, kSample);
  return sample.size() == kSample && std::count(sample.begin(), sample.end(), '\0') <= 64;
}

}  // namespace

Content probe_content(std::string_view start) {
  Content content;
  if (probe_fat(start, content)) return content;
  for (const Signature& signature : kSignatures) {
    if (!has(start, signature.at, signature.magic)) continue;
    content.type = signature.type;
    if (signature.label_size != 0) content.label = text_field(start, signature.label, signature.label_size);
    if (signature.uuid != 0) content.uuid = uuid_field(start, signature.uuid);
    if (content.type == "crypto_LUKS") content.uuid = text_field(start, 168, 40);
    return content;
  }
  if (probe_dos(start)) content.type = "dos";
  content.random = content.type.empty() && looks_random(start);
  return content;
}

Errno probe_device(const std::string& device, Content& content) {
  UniqueFd fd{::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return Errno::last();
  std::string start(kProbeBytes, '\0');
  std::size_t have = 0;
  while (have < start.size()) {
    ssize_t got = ::pread(fd.get(), start.data() + have, start.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno::last();
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  content = probe_content(std::string_view{start}.substr(0, have));
  return {};
}

}  // namespace guest
