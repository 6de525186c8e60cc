#include "archive/cpio_writer.h"

namespace kiln::archive {
namespace {

constexpr std::size_t kHeaderSize = 110;  // magic and 13 fields of 8 digits

char* put_hex(char* to, std::uint32_t value) {
  static constexpr char kHex[] = "0123456789abcdef";  // lower case, as the spec's layout.md §13.1
  for (int shift = 28; shift >= 0; shift -= 4) *to++ = kHex[(value >> shift) & 15];
  return to;
}

std::string make_trailer() {
  std::string out;
  append_cpio_header(out, {.path = "TRAILER!!!"});
  return out;
}

}  // namespace

void append_cpio_header(std::string& out, const CpioHeader& header) {
  const auto name_size = static_cast<std::uint32_t>(header.path.size() + 1);
  const std::uint32_t fields[] = {header.ino,
                                  header.mode,
                                  header.uid,
                                  header.gid,
                                  header.nlink,
                                  header.mtime,
                                  header.size,
                                  header.dev_major,
                                  header.dev_minor,
                                  header.rdev_major,
                                  header.rdev_minor,
                                  name_size,
                                  0};
  char text[kHeaderSize] = {'0', '7', '0', '7', '0', '1'};
  char* to = text + 6;
  for (std::uint32_t field : fields) to = put_hex(to, field);
  out.append(text, sizeof text);
  out.append(header.path);
  // The NUL that ends the name, and up to the next multiple of 4.
  out.append(1 + cpio_padding(kHeaderSize + name_size), '\0');
}

std::string_view cpio_trailer() {
  static const std::string trailer = make_trailer();
  return trailer;
}

}  // namespace kiln::archive
