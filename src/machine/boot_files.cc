#include "machine/boot_files.h"

#include <unistd.h>

#include <array>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::machine {
namespace {

namespace fs = std::filesystem;

/// When the name is that of a file the user can see, say what to write instead.
std::string hint_for(const std::string& name) {
  for (std::string_view suffix : {"-kernel", "-initrd.img", "-cmdline"}) {
    if (name.ends_with(suffix) && fs::exists(name)) {
      return concat("give the name without its ending: kiln run ", name.substr(0, name.size() - suffix.size()));
    }
  }
  const std::string stem = fs::path{name}.replace_extension().native();
  if (name.ends_with(".yml") || name.ends_with(".yaml")) {
    return concat("build it first: kiln build ", name, " && kiln run ", fs::path{stem}.filename().native());
  }
  if (fs::exists(name)) return "the formats that 'kiln run' can boot so far: kernel+initrd";
  return concat("'kiln build ", name, ".yml' writes them to the current directory");
}

std::size_t read_head(const fs::path& file, MutableBytes into) {
  UniqueFd fd = open_file(file);
  FdSource source{fd.get(), file.native()};
  return read_full(source, into);
}

/// The first bytes of what a gzip file holds.
std::size_t read_unpacked_head(const fs::path& file, MutableBytes into) {
  UniqueFd fd = open_file(file);
  FdSource source{fd.get(), file.native()};
  return read_full(*archive::decompress(source, concat("kernel ", quote(file.native()))), into);
}

}  // namespace

BootFiles find_boot_files(const std::string& name) {
  BootFiles files{name + "-kernel", name + "-initrd.img", {}};
  const fs::path cmdline = name + "-cmdline";
  std::string missing;
  for (const fs::path& file : {files.kernel, files.initrd, cmdline}) {
    if (!fs::is_regular_file(file)) missing += concat(missing.empty() ? "" : ", ", quote(file.native()));
  }
  if (!missing.empty()) {
    throw Error{"nothing to boot under ", quote(name), ": missing ", missing}.with_hint(hint_for(name));
  }
  constexpr std::size_t kMostCmdline = 64 << 10;
  files.cmdline = read_file(cmdline, kMostCmdline);
  return files;
}

KernelInfo inspect_kernel(const fs::path& kernel) {
  std::array<std::byte, kKernelHeadSize> head{};
  KernelInfo info = recognise_kernel(Bytes{head}.first(read_head(kernel, head)));
  if (info.form == KernelForm::gzip) {
    info.architecture = recognise_kernel(Bytes{head}.first(read_unpacked_head(kernel, head))).architecture;
  }
  return info;
}

fs::path bootable_kernel(const fs::path& kernel, const KernelInfo& info, const fs::path& directory) {
  if (info.form != KernelForm::efi_zboot) return kernel;
  const std::string_view type = info.payload_compression;
  if (type != "gzip" && type != "zstd" && type != "xzkern" && type != "xz") {
    throw Error{"kernel ", quote(kernel.native()), ": its payload is compressed with ", quote(type),
                ": expected gzip, zstd or xz"};
  }
  UniqueFd fd = open_file(kernel);
  FdSource whole{fd.get(), kernel.native()};
  if (::lseek(fd.get(), static_cast<off_t>(info.payload_offset), SEEK_SET) < 0) {
    throw SysError{errno, "reading ", quote(kernel.native())};
  }
  LimitedSource payload{whole, info.payload_size};
  AtomicFile unpacked{directory / "kernel"};
  copy(*archive::decompress(payload, concat("kernel ", quote(kernel.native()), ": payload")), unpacked.sink());
  unpacked.commit();
  return directory / "kernel";
}

}  // namespace kiln::machine
