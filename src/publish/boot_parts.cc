#include "publish/boot_parts.h"

#include "archive/kernel_file.h"
#include "base/error.h"
#include "build/build.h"

namespace kiln::publish {
namespace {

namespace fs = std::filesystem;

FilePart whole(const fs::path& path) { return {path, fs::file_size(path), false}; }

std::uint64_t append(const FilePart& part, AtomicFile& out) {
  const UniqueFd fd = open_file(part.path);
  copy_range(fd.get(), 0, part.size, out.fd(), part.path.native());
  return part.size;
}

std::string hint_for(const std::string& name) {
  for (const std::string_view suffix : {"-kernel", "-initrd.img", "-cmdline"}) {
    if (name.ends_with(suffix))
      return concat("give the name without its ending: ", name.substr(0, name.size() - suffix.size()));
  }
  return concat("'kiln build ", name, ".yml' writes them to the current directory");
}

}  // namespace

BootParts parts_of_prefix(const std::string& name) {
  const fs::path kernel = name + "-kernel";
  const fs::path initrd = name + "-initrd.img";
  const fs::path cmdline = name + "-cmdline";
  std::string missing;
  for (const fs::path& file : {kernel, initrd, cmdline}) {
    if (!fs::is_regular_file(file)) missing += concat(missing.empty() ? "" : ", ", quote(file.native()));
  }
  if (!missing.empty()) {
    throw Error{"there is no operating system under ", quote(name), ": missing ", missing}.with_hint(hint_for(name));
  }
  constexpr std::size_t kMostCmdline = 64 << 10;
  const std::string_view architecture = archive::KernelFile{kernel}.info().architecture;
  return {std::string{architecture}, whole(kernel), {whole(initrd)}, read_file(cmdline, kMostCmdline), 0};
}

BootParts parts_of_build(const build::BootSet& set) {
  if (!set.kernel) {
    throw Error{"the system has no kernel, so there is nothing to boot"}.with_hint(
        "add a `kernel:` section to its YAML");
  }
  const std::string_view architecture = archive::KernelFile{set.kernel->path}.info().architecture;
  BootParts parts{
      std::string{architecture}, {set.kernel->path, set.kernel->size, false}, {}, set.cmdline, set.root_size};
  // Uncompressed and first: the kernel looks for microcode before it can decompress anything.
  if (set.ucode) parts.initramfs.push_back({set.ucode->path, set.ucode->size, false});
  for (const build::SegmentFile& segment : set.segments) parts.initramfs.push_back({segment.path, segment.size, true});
  return parts;
}

std::uint64_t write_initramfs(const BootParts& parts, AtomicFile& out) {
  std::uint64_t size = 0;
  for (const FilePart& part : parts.initramfs) {
    const std::string padding(static_cast<std::size_t>(align_up(size, 4) - size), '\0');
    out.sink().write(as_bytes(padding));
    size += padding.size() + append(part, out);
  }
  return size;
}

std::vector<FilePart> write_boot_files(const BootParts& parts, const std::string& base) {
  AtomicFile kernel{base + "-kernel"};
  append(parts.kernel, kernel);
  AtomicFile initrd{base + "-initrd.img"};
  const std::uint64_t initrd_size = write_initramfs(parts, initrd);
  AtomicFile cmdline{base + "-cmdline"};
  cmdline.sink().write(as_bytes(parts.cmdline));
  kernel.commit();
  initrd.commit();
  cmdline.commit();
  return {{kernel.path(), parts.kernel.size, false},
          {initrd.path(), initrd_size, false},
          {cmdline.path(), parts.cmdline.size(), false}};
}

}  // namespace kiln::publish
