#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/file.h"
#include "format/format.h"
#include "format/joined.h"

namespace kiln::format {
namespace {

/// A tar of what a machine boots from (spec cli.md §4).
class BootTar {
 public:
  explicit BootTar(AtomicFile& out) : out_{out} {}

  void add_file(std::string_view name, const build::ExtractedFile& file) {
    begin(name, file.size);
    append_file(out_, file.path, file.size);
    end(file.size);
  }
  void add_text(std::string_view name, std::string_view text) {
    begin(name, text.size());
    out_.sink().write(as_bytes(text));
    end(text.size());
  }
  void add_initrd(std::string_view name, const build::BootSet& set) {
    const std::uint64_t size = initrd_size(set);
    begin(name, size);
    append_initrd(out_, set);
    end(size);
  }
  std::uint64_t finish() {
    out_.sink().write(as_bytes(archive::tar_end()));
    return size_ + archive::tar_end().size();
  }

 private:
  void begin(std::string_view name, std::uint64_t size) {
    std::string header;
    archive::append_tar_header(header,
                               {.path = std::string{name}, .mode = 0644, .size = size, .mtime = build::kFixedTime});
    out_.sink().write(as_bytes(header));
    size_ += header.size();
  }
  void end(std::uint64_t size) {
    const std::string padding(archive::tar_padding(size), '\0');
    out_.sink().write(as_bytes(padding));
    size_ += size + padding.size();
  }

  AtomicFile& out_;
  std::uint64_t size_ = 0;
};

Sha256 content_of(const build::BootSet& set) {
  const std::string kernel = set.kernel ? set.kernel->path.filename().native() : "";
  return Sha256::of(concat("tar-kernel-initrd ", kernel, " ", initrd_content(set).hex(), " ", set.cmdline));
}

}  // namespace

void write_tar_kernel_initrd(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  const build::BootSet& set = build.boot_set();
  AtomicFile* file = outputs.begin(base.native() + "-initrd.tar", content_of(set));
  if (file == nullptr) return;
  BootTar tar{*file};
  if (set.kernel) tar.add_file("kernel", *set.kernel);
  tar.add_initrd("initrd.img", set);
  if (!set.cmdline.empty()) tar.add_text("cmdline", set.cmdline);
  if (set.ucode) tar.add_file("ucode.cpio", *set.ucode);
  outputs.end(tar.finish());
}

}  // namespace kiln::format
