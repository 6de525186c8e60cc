#include "base/error.h"
#include "base/file.h"
#include "format/format.h"
#include "format/joined.h"

namespace kiln::format {
namespace {

std::filesystem::path with_ending(const std::filesystem::path& base, std::string_view ending) {
  return base.native() + std::string{ending};
}

/// Writes the files while the initramfs is made.
class BootSetWriter final : public build::BootSetFollower {
 public:
  BootSetWriter(const std::filesystem::path& base, std::string_view kernel_ending, OutputSet& outputs)
      : base_{base}, kernel_ending_{kernel_ending}, outputs_{outputs} {}

  void begin(const build::BootSet& set) override {
    if (set.kernel) {
      const Sha256 content = Sha256::of(concat("kernel ", set.kernel->path.filename().native()));
      if (AtomicFile* file = outputs_.begin(with_ending(base_, kernel_ending_), content)) {
        outputs_.end(append_file(*file, set.kernel->path, set.kernel->size));
      }
    }
    initrd_ = outputs_.begin(with_ending(base_, "-initrd.img"), initrd_content(set));
    if (initrd_ != nullptr && set.ucode) append_ucode(*set.ucode);
  }

  void segment(const build::SegmentFile& segment) override {
    if (initrd_ != nullptr) initrd_size_ += append_file(*initrd_, segment.path, segment.size);
  }

  void end(const build::BootSet& set) {
    if (initrd_ != nullptr) outputs_.end(initrd_size_);
    if (set.cmdline.empty()) return;
    if (AtomicFile* file = outputs_.begin(with_ending(base_, "-cmdline"), Sha256::of(set.cmdline))) {
      file->sink().write(as_bytes(set.cmdline));
      outputs_.end(set.cmdline.size());
    }
  }

 private:
  /// First and uncompressed, as the kernel looks for it there before it can decompress anything (Linux
  /// Documentation/arch/x86/microcode.rst, "Early load microcode").
  void append_ucode(const build::ExtractedFile& ucode) {
    initrd_size_ += append_file(*initrd_, ucode.path, ucode.size);
    const std::string padding(static_cast<std::size_t>(align_up(initrd_size_, 4) - initrd_size_), '\0');
    initrd_->sink().write(as_bytes(padding));
    initrd_size_ += padding.size();
  }

  const std::filesystem::path& base_;
  const std::string_view kernel_ending_;
  OutputSet& outputs_;
  AtomicFile* initrd_ = nullptr;  ///< while it is written: the last that outputs_ began
  std::uint64_t initrd_size_ = 0;
};

void write_boot_set(build::Build& build, const std::filesystem::path& base, std::string_view kernel_ending,
                    OutputSet& outputs) {
  BootSetWriter writer{base, kernel_ending, outputs};
  writer.end(build.boot_set(&writer));
}

}  // namespace

void write_kernel_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  write_boot_set(build, base, "-kernel", outputs);
}

void write_bzimage_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  write_boot_set(build, base, "-bzImage", outputs);
}

}  // namespace kiln::format
