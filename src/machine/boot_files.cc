#include "machine/boot_files.h"

#include "archive/kernel_file.h"
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
  return concat("'kiln build ", name, ".yml' writes them to the current directory");
}

}  // namespace

BootFiles find_boot_files(const std::string& name, std::string_view second) {
  BootFiles files{name + "-kernel", concat(name, second), {}};
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

KernelInfo inspect_kernel(const fs::path& kernel) { return archive::KernelFile{kernel}.info(); }

fs::path bootable_kernel(const fs::path& kernel, const KernelInfo& info, const fs::path& directory) {
  if (info.form != KernelForm::efi_zboot) return kernel;
  AtomicFile unpacked{directory / "kernel"};
  archive::KernelFile{kernel}.unwrap(unpacked.sink());
  unpacked.commit();
  return directory / "kernel";
}

}  // namespace kiln::machine
