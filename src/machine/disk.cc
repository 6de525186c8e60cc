#include "machine/disk.h"

#include <array>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "machine/size.h"

namespace kiln::machine {
namespace {

constexpr std::array<std::string_view, 6> kFormats{"raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"};

std::string checked_format(std::string_view format, std::string_view what) {
  for (std::string_view known : kFormats) {
    if (format == known) return std::string{format};
  }
  throw Error{what, ": format ", quote(format), ": expected raw, qcow2, vmdk, vdi, vpc or vhdx"};
}

}  // namespace

std::string format_of(const std::filesystem::path& file) {
  UniqueFd fd = open_file(file);
  std::array<std::byte, 4> head{};
  FdSource source{fd.get(), file.native()};
  const std::size_t size = read_full(source, head);
  return as_text(Bytes{head}.first(size)) == "QFI\xfb" ? "qcow2" : "raw";
}

namespace {

void create(const Disk& disk, std::uint64_t mebibytes) {
  if (!find_program("qemu-img")) {
    throw Error{"creating disk ", quote(disk.file.native()), ": the program 'qemu-img' is missing"}.with_hint(
        "install the Debian package qemu-utils");
  }
  run_checked({.arguments = {"qemu-img", "create", "-q", "-f", disk.format, disk.file.native(),
                             std::to_string(mebibytes) + "M"},
               .environment = {},
               .directory = {},
               .input = {}});
}

}  // namespace

DiskRequest parse_disk(std::string_view text) {
  const std::string what = concat("--disk ", quote(text));
  DiskRequest disk;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    const std::size_t equals = item.find('=');
    const std::string_view key = equals == std::string_view::npos ? "file" : item.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? item : item.substr(equals + 1);
    if (value.empty()) throw Error{what, ": ", quote(item), " has no value"};
    if (key == "file") {
      disk.file = value;
    } else if (key == "size") {
      disk.mebibytes = parse_mebibytes(value, 1024, what + ": size");
    } else if (key == "format") {
      disk.format = checked_format(value, what);
    } else {
      throw Error{what, ": unknown disk config ", quote(key), ": expected file, size or format"};
    }
  }
  if (disk.file.empty() && !disk.mebibytes) throw Error{what, ": expected file=PATH, size=S or both"};
  return disk;
}

Disk prepare_disk(const DiskRequest& request, std::size_t index, const std::filesystem::path& state,
                  Reporter& reporter) {
  Disk disk{request.file, request.format, false};
  if (disk.file.empty()) disk.file = state / (index == 0 ? "disk.img" : concat("disk", index, ".img"));
  if (std::filesystem::exists(disk.file)) {
    if (disk.format.empty()) disk.format = format_of(disk.file);
    return disk;
  }
  if (!request.mebibytes) {
    throw Error{"disk ", quote(disk.file.native()), " does not exist"}.with_hint(
        "have it made by saying how large: --disk PATH,size=1G");
  }
  if (disk.format.empty()) disk.format = "qcow2";
  create(disk, *request.mebibytes);
  reporter.detail(concat("created disk ", quote(disk.file.native()), ", ", *request.mebibytes, " MiB, ", disk.format));
  return disk;
}

}  // namespace kiln::machine
