#include "base/error.h"
#include "base/file.h"
#include "format/format.h"
#include "format/joined.h"

namespace kiln::format {
namespace {

std::filesystem::path with_ending(const std::filesystem::path& base, std::string_view ending) {
  return base.native() + std::string{ending};
}

/// ucode first, uncompressed, as the kernel looks for it there before it can decompress anything (Linux
/// Documentation/arch/x86/microcode.rst, "Early load microcode"); then the segments.
std::uint64_t write_initrd(const build::BootSet& set, AtomicFile& file) {
  std::uint64_t size = 0;
  if (set.ucode) {
    size += append_file(file, set.ucode->path, set.ucode->size);
    const std::string padding(static_cast<std::size_t>(align_up(size, 4) - size), '\0');
    file.sink().write(as_bytes(padding));
    size += padding.size();
  }
  return size + append_initrd(file, set);
}

void write_boot_set(const build::BootSet& set, const std::filesystem::path& base, std::string_view kernel_ending,
                    OutputSet& outputs) {
  if (set.kernel) {
    const Sha256 content = Sha256::of(concat("kernel ", set.kernel->path.filename().native()));
    if (AtomicFile* file = outputs.begin(with_ending(base, kernel_ending), content)) {
      outputs.end(append_file(*file, set.kernel->path, set.kernel->size));
    }
  }
  if (AtomicFile* file = outputs.begin(with_ending(base, "-initrd.img"), initrd_content(set))) {
    outputs.end(write_initrd(set, *file));
  }
  if (set.cmdline.empty()) return;
  if (AtomicFile* file = outputs.begin(with_ending(base, "-cmdline"), Sha256::of(set.cmdline))) {
    file->sink().write(as_bytes(set.cmdline));
    outputs.end(set.cmdline.size());
  }
}

}  // namespace

void write_kernel_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  write_boot_set(build.boot_set(), base, "-kernel", outputs);
}

void write_bzimage_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  write_boot_set(build.boot_set(), base, "-bzImage", outputs);
}

}  // namespace kiln::format
