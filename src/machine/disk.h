#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/reporter.h"

namespace kiln::machine {

/// What --disk says; what it leaves out is empty.
struct DiskRequest {
  std::string file;
  std::optional<std::uint64_t> mebibytes;
  std::string format;

  bool operator==(const DiskRequest&) const = default;
};

/// A disk that exists.
struct Disk {
  std::filesystem::path file;
  std::string format;  ///< QEMU's name: raw, qcow2 …
  bool readonly = false;

  bool operator==(const Disk&) const = default;
};

/// Comma-separated `file=PATH` (or PATH alone), `size=S`, `format=F`, like "data.qcow2,size=2G". Sizes as for build's
/// --size: M for MiB, G or no unit for GiB. Throws Error.
DiskRequest parse_disk(std::string_view text);

/// The format of a disk nobody named the format of. Only qcow2 is told from content: QEMU's own probing lets a guest
/// that writes a header of another format into its raw disk reach files of the host.
std::string format_of(const std::filesystem::path& file);

/// Makes the disk if it does not exist yet. `index` (from 0) names one without a file: STATE/disk.img, disk1.img …
/// A disk that is there keeps its size. Throws Error.
Disk prepare_disk(const DiskRequest& request, std::size_t index, const std::filesystem::path& state,
                  Reporter& reporter);

}  // namespace kiln::machine
