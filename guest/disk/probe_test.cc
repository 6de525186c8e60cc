#include "disk/probe.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace guest {
namespace {

/// Content of zeros with bytes at places.
class Start {
 public:
  explicit Start(std::size_t size = kProbeBytes) : bytes_(size, '\0') {}
  Start& at(std::size_t place, std::string_view bytes) {
    std::memcpy(bytes_.data() + place, bytes.data(), bytes.size());
    return *this;
  }
  operator std::string_view() const { return bytes_; }

 private:
  std::string bytes_;
};

using std::string_view_literals::operator""sv;
constexpr auto kUuid = "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x01\x02\x03\x04\x05\x06\x07\x08"sv;
constexpr char kUuidText[] = "12345678-9abc-def0-0102-030405060708";

TEST(Probe, ReadsTypeLabelAndUuid) {
  struct Case {
    Start start;
    Content expected;
  };
  const Case kCases[] = {
      {Start{}.at(1080, "\x53\xef"sv).at(1128, kUuid).at(1144, "DATA"), {"ext4", "DATA", kUuidText}},
      {Start{}.at(0, "XFSB").at(32, kUuid).at(108, "abcdefghijkl"), {"xfs", "abcdefghijkl", kUuidText}},
      {Start{}.at(0x10040, "_BHRfS_M").at(0x10020, kUuid).at(0x1012b, "b"), {"btrfs", "b", kUuidText}},
      {Start{}.at(4086, "SWAPSPACE2").at(1036, kUuid).at(1052, "s"), {"swap", "s", kUuidText}},
      {Start{}.at(65526, "SWAPSPACE2"), {"swap", "", "00000000-0000-0000-0000-000000000000"}},
      {Start{}.at(0, "LUKS\xba\xbe"sv).at(168, "12345678-9abc-def0-0102-030405060708"), {"crypto_LUKS", "", kUuidText}},
      {Start{}.at(82, "FAT32   ").at(510, "\x55\xaa"sv).at(71, "NO NAME    ").at(67, "\x01\x02\xab\xcd"sv),
       {"vfat", "NO NAME", "CDAB-0201"}},
      {Start{}.at(54, "FAT16   ").at(510, "\x55\xaa"sv).at(43, "CIDATA     ").at(39, "\1\2\3\4"sv),
       {"vfat", "CIDATA", "0403-0201"}},
      {Start{}.at(32768, "\1CD001"sv).at(32808, "disc  "), {"iso9660", "disc", ""}},
      {Start{}.at(0, "hsqs"), {"squashfs", "", ""}},
      {Start{}.at(1024, "\xe2\xe1\xf5\xe0"sv).at(1072, kUuid).at(1088, "root"), {"erofs", "root", kUuidText}},
      {Start{}.at(1024, "\x10\x20\xf5\xf2"sv).at(1132, kUuid), {"f2fs", "", kUuidText}},
      {Start{}.at(512, "LABELONE"), {"LVM2_member", "", ""}},
      {Start{}.at(4096, "\xfc\x4e\x2b\xa9"sv), {"linux_raid_member", "", ""}},
      {Start{}.at(131072, "\x0c\xb1\xba\x00\0\0\0\0"sv), {"zfs_member", "", ""}},
      {Start{}.at(510, "\x55\xaa"sv).at(450, "\xee").at(512, "EFI PART").at(568, kUuid), {"gpt", "", kUuidText}},
      {Start{}.at(510, "\x55\xaa"sv).at(450, "\x83"), {"dos", "", ""}},
      // A boot sector without partitions, and code where the entries would be.
      {Start{}.at(510, "\x55\xaa"sv), {}},
      {Start{}.at(510, "\x55\xaa"sv).at(446, "\xeb\x3c\x90\x90\x83"sv), {}},
      {Start{}, {}},
      {Start{0}, {}},
      {Start{1080}, {}},
  };
  for (const Case& row : kCases) {
    Content content = probe_content(row.start);
    EXPECT_EQ(content.type, row.expected.type);
    EXPECT_EQ(content.label, row.expected.label) << content.type;
    EXPECT_EQ(content.uuid, row.expected.uuid) << content.type;
  }
}

TEST(Probe, TellsEncryptedFromEmpty) {
  std::string noise(kProbeBytes, '\0');
  std::uint32_t state = 1;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  EXPECT_TRUE(probe_content(noise).random);
  EXPECT_EQ(probe_content(noise).type, "");
  EXPECT_FALSE(probe_content(noise.substr(0, 4095)).random);
  EXPECT_FALSE(probe_content(Start{}).random);
  // Of LUKS the content is just as random, but it has a name.
  EXPECT_FALSE(probe_content(noise.replace(0, 6, "LUKS\xba\xbe")).random);
  // What is left of an ext4 whose magic was wiped: mostly zeros.
  EXPECT_FALSE(probe_content(Start{}.at(1128, kUuid).at(1144, "DATA")).random);
}

TEST(Probe, AnyTruncationIsSafe) {
  Start start;
  start.at(1080, "\x53\xef"sv).at(1128, kUuid).at(510, "\x55\xaa"sv).at(450, "\x83");
  std::string_view whole = start;
  for (std::size_t size = 0; size < 1200; ++size) {
    Content content = probe_content(whole.substr(0, size));
    EXPECT_EQ(content.type, size < 512 ? "" : size < 1082 ? "dos" : "ext4") << size;
  }
}

}  // namespace
}  // namespace guest
