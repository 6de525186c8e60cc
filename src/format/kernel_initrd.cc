#include <array>

#include "base/error.h"
#include "base/file.h"
#include "format/format.h"

namespace kiln::format {
namespace {

std::filesystem::path with_ending(const std::filesystem::path& base, std::string_view ending) {
  return base.native() + std::string{ending};
}

std::uint64_t append(AtomicFile& out, const std::filesystem::path& part, std::uint64_t size) {
  UniqueFd fd = open_file(part);
  copy_range(fd.get(), 0, size, out.fd(), part.native());
  return size;
}

/// ucode first, uncompressed, as the kernel looks for it there before it can decompress anything (Linux
/// Documentation/arch/x86/microcode.rst, "Early load microcode"); then the segments.
Output write_initrd(const build::BootSet& set, const std::filesystem::path& path) {
  AtomicFile file{path};
  std::uint64_t size = 0;
  if (set.ucode) {
    size += append(file, set.ucode->path, set.ucode->size);
    const std::string padding(static_cast<std::size_t>(align_up(size, 4) - size), '\0');
    file.sink().write(as_bytes(padding));
    size += padding.size();
  }
  for (const build::SegmentFile& segment : set.segments) size += append(file, segment.path, segment.size);
  return {std::move(file), size};
}

}  // namespace

std::vector<Output> write_kernel_initrd(build::Build& build, const std::filesystem::path& base) {
  const build::BootSet& set = build.boot_set();
  std::vector<Output> outputs;
  if (set.kernel) {
    AtomicFile kernel{with_ending(base, "-kernel")};
    append(kernel, set.kernel->path, set.kernel->size);
    outputs.push_back({std::move(kernel), set.kernel->size});
  }
  outputs.push_back(write_initrd(set, with_ending(base, "-initrd.img")));
  if (!set.cmdline.empty()) {
    AtomicFile cmdline{with_ending(base, "-cmdline")};
    cmdline.sink().write(as_bytes(set.cmdline));
    outputs.push_back({std::move(cmdline), set.cmdline.size()});
  }
  return outputs;
}

}  // namespace kiln::format
