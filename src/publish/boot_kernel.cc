#include "publish/boot_kernel.h"

#include "base/error.h"
#include "base/file.h"

namespace kiln::publish {
namespace {

std::string with_article(KernelForm form) {
  const std::string_view name = name_of(form);
  return concat(name.starts_with('E') ? "an " : "a ", name);
}

std::string described(const KernelInfo& file, const KernelInfo& inside) {
  if (file.form == inside.form) return with_article(file.form);
  return concat(with_article(file.form), " around ", with_article(inside.form));
}

void check_form(const KernelInfo& file, const KernelInfo& inside, const std::string& name) {
  switch (inside.form) {
    case KernelForm::arm64_image:
    case KernelForm::riscv64_image:
    case KernelForm::bzimage:
      return;
    case KernelForm::elf:
      throw Error{name, " is ", described(file, inside), ": iPXE does not start Linux in that form"}.with_hint(
          "take arch/arm64/boot/Image, arch/riscv/boot/Image or arch/x86/boot/bzImage of the kernel's build, not "
          "vmlinux");
    default:
      throw Error{name, " is ", described(file, inside),
                  ": iPXE starts a raw Image (ARM64, RISC-V) or a bzImage (x86), plain or compressed with gzip"}
          .with_hint("see with `file` what it is; the kernel's image must have the kernel itself under that name");
  }
}

}  // namespace

archive::KernelFile open_boot_kernel(const std::filesystem::path& kernel) {
  const std::string name = concat("kernel ", quote(kernel.native()));
  archive::KernelFile file{kernel};
  const KernelInfo inside = file.inside();
  check_form(file.info(), inside, name);
  if (inside.form != KernelForm::bzimage && !inside.efi_stub) {
    throw Error{name, " is ", described(file.info(), inside),
                " without an EFI stub: UEFI, and so iPXE, cannot start it"}
        .with_hint("build it with CONFIG_EFI_STUB=y");
  }
  return file;
}

BootKernel make_boot_kernel(const std::filesystem::path& kernel, const std::filesystem::path& directory) {
  const archive::KernelFile file = open_boot_kernel(kernel);
  const KernelInfo inside = file.inside();
  BootKernel out{kernel, 0, std::string{inside.architecture}, false};
  if (file.info().form != inside.form) {
    AtomicFile unpacked{directory / "kernel"};
    file.unwrap(unpacked.sink());
    unpacked.commit();
    out.path = directory / "kernel";
    out.unpacked = true;
  }
  out.size = std::filesystem::file_size(out.path);
  return out;
}

}  // namespace kiln::publish
