#include "archive/data_iso.h"

#include <algorithm>
#include <cstdint>

#include "base/error.h"

namespace kiln::archive {
namespace {

// Sections are those of ECMA-119. Sectors, in order:
constexpr std::uint32_t kSector = 2048;
constexpr std::uint32_t kPrimary = 16;  // and the terminator after it
constexpr std::uint32_t kPathTableLittle = 18;
constexpr std::uint32_t kPathTableBig = 19;
constexpr std::uint32_t kRoot = 20;
constexpr std::uint32_t kFile = 21;
// libarchive looks eight sectors past the first descriptor before it knows an image for one.
constexpr std::uint32_t kLeast = 32;
constexpr std::uint32_t kPathTableSize = 10;

std::string little(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::string big(std::uint32_t value, int bytes) {
  const std::string reversed = little(value, bytes);
  return {reversed.rbegin(), reversed.rend()};
}

/// 7.2.3 and 7.3.3.
std::string both(std::uint32_t value, int bytes) { return little(value, bytes) + big(value, bytes); }

std::string padded(std::string text, std::size_t size, char with) {
  text.resize(size, with);
  return text;
}

/// 9.1, with a system use field of nothing.
std::string directory_record(std::string_view name, std::uint32_t sector, std::uint32_t size, bool is_directory) {
  constexpr std::size_t kFixed = 33;
  const std::size_t unpadded = kFixed + name.size();
  const std::size_t length = unpadded + unpadded % 2;
  std::string out = little(static_cast<std::uint32_t>(length), 1) + little(0, 1);
  out += both(sector, 4) + both(size, 4);
  out += std::string(7, '\0');             // 9.1.5: date and time, not specified
  out += little(is_directory ? 2 : 0, 1);  // 9.1.6: file flags
  out += little(0, 2) + both(1, 2);        // not interleaved; volume 1
  out += little(static_cast<std::uint32_t>(name.size()), 1);
  out += name;
  return padded(std::move(out), length, '\0');
}

/// 8.4.
std::string primary_descriptor(std::string_view volume, std::uint32_t sectors) {
  const std::string unspecified = std::string(16, '0') + '\0';  // 8.4.26.1
  std::string out =
      "\x01"
      "CD001\x01" +
      std::string(1, '\0');
  out += std::string(32, ' ') + padded(std::string{volume}, 32, ' ') + std::string(8, '\0');
  out += both(sectors, 4) + std::string(32, '\0');
  out += both(1, 2) + both(1, 2) + both(kSector, 2) + both(kPathTableSize, 4);
  out += little(kPathTableLittle, 4) + little(0, 4) + big(kPathTableBig, 4) + big(0, 4);
  out += directory_record(std::string_view{"\0", 1}, kRoot, kSector, true);
  out += std::string(128 * 4, ' ') + std::string(37 * 3, ' ');
  for (int i = 0; i < 4; ++i) out += unspecified;
  out += "\x01";  // 8.4.31: file structure version
  return padded(std::move(out), kSector, '\0');
}

/// 9.4, of the root alone.
std::string path_table(const std::string& sector, const std::string& parent) {
  return padded(little(1, 1) + little(0, 1) + sector + parent + std::string(2, '\0'), kSector, '\0');
}

std::string root_directory(std::string_view name, std::uint32_t size) {
  std::string out = directory_record(std::string_view{"\0", 1}, kRoot, kSector, true);
  out += directory_record(std::string_view{"\1", 1}, kRoot, kSector, true);
  return padded(out + directory_record(name, kFile, size, false), kSector, '\0');
}

void check(std::string_view what, std::string_view text, std::size_t most) {
  if (text.empty() || text.size() > most) {
    throw Error{"ISO image: ", what, " ", quote(text), ": expected 1 to ", most, " bytes"};
  }
}

}  // namespace

std::string make_data_iso(std::string_view volume, std::string_view name, std::string_view content) {
  check("volume identifier", volume, 32);
  check("file name", name, 31);
  if (content.size() > UINT32_MAX - kSector) throw Error{"ISO image: its file has more than 4 GiB"};
  const auto size = static_cast<std::uint32_t>(content.size());
  const std::uint32_t sectors = std::max(kLeast, kFile + (size + kSector - 1) / kSector);
  std::string out(kPrimary * kSector, '\0');
  out += primary_descriptor(volume, sectors);
  out += padded(
      "\xff"
      "CD001\x01",
      kSector, '\0');
  out += path_table(little(kRoot, 4), little(1, 2));
  out += path_table(big(kRoot, 4), big(1, 2));
  out += root_directory(name, size);
  out += content;
  return padded(std::move(out), std::size_t{sectors} * kSector, '\0');
}

}  // namespace kiln::archive
