#include "netboot/boot_image.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "base/sha256.h"

namespace kiln::netboot {
namespace {

constexpr std::uint64_t kMostKernel = 512 << 20;
constexpr std::size_t kIdDigits = 16;

/// What the kernel, its page tables and iPXE need beside the files, at least.
constexpr std::uint64_t kSystemMemory = 48 << 20;

/// Memory is counted in powers of two, by people and by what they buy.
std::string memory_text(std::uint64_t bytes) { return concat((bytes + (1 << 20) - 1) >> 20, " MiB"); }

std::uint64_t file_size(const UniqueFd& fd, const std::string& path) {
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (size < 0 || ::lseek(fd.get(), 0, SEEK_SET) < 0) throw SysError{errno, "reading ", quote(path)};
  return static_cast<std::uint64_t>(size);
}

KernelInfo head_of(const UniqueFd& fd, const std::string& path) {
  std::array<std::byte, kKernelHeadSize> head{};
  FdSource source{fd.get(), path};
  return recognise_kernel(Bytes{head}.first(read_full(source, head)));
}

/// The decompressed bytes as a file without a name.
UniqueFd unpack(Source& packed, const std::string& what) {
  UniqueFd memory{::memfd_create("kernel", MFD_CLOEXEC)};
  if (!memory) throw SysError{errno, "unpacking ", what};
  FdSink sink{memory.get(), what};
  const std::unique_ptr<Source> unpacked = archive::decompress(packed, what);
  LimitedSource limited{*unpacked, kMostKernel};
  copy(limited, sink);
  if (limited.left() == 0) throw Error{what, ": unpacked, it is larger than ", human_size(kMostKernel)};
  return memory;
}

UniqueFd unpack_zboot(const UniqueFd& fd, const KernelInfo& info, std::uint64_t size, const std::string& path) {
  const std::string_view type = info.payload_compression;
  if (type != "gzip" && type != "zstd" && type != "xzkern" && type != "xz") {
    throw Error{"kernel ", quote(path), ": its payload is compressed with ", quote(type),
                ": expected gzip, zstd or xz"};
  }
  if (info.payload_offset > size || info.payload_size > size - info.payload_offset) {
    throw Error{"kernel ", quote(path), ": its payload would end beyond its ", size, " bytes: the file is cut off"};
  }
  if (::lseek(fd.get(), static_cast<off_t>(info.payload_offset), SEEK_SET) < 0) {
    throw SysError{errno, "reading ", quote(path)};
  }
  FdSource whole{fd.get(), path};
  LimitedSource payload{whole, info.payload_size};
  return unpack(payload, concat("kernel ", quote(path), ": payload"));
}

void check_form(const KernelInfo& info, const std::string& path) {
  switch (info.form) {
    case KernelForm::arm64_image:
    case KernelForm::riscv64_image:
    case KernelForm::bzimage:
      return;
    case KernelForm::elf:
      throw Error{"kernel ", quote(path), " is an ELF image (vmlinux), which iPXE cannot start"}.with_hint(
          "use the kernel's bootable form: arch/arm64/boot/Image, or bzImage on x86");
    default:
      throw Error{
          "kernel ", quote(path), " is a ", name_of(info.form),
          ", which iPXE cannot start: expected an arm64 or riscv64 Image (raw, gzip or EFI zboot) or a bzImage"};
  }
}

}  // namespace

const BootFile* BootImage::segment(std::string_view name) const {
  const auto found =
      std::find_if(initramfs.begin(), initramfs.end(), [&](const BootFile& file) { return file.name == name; });
  return found == initramfs.end() ? nullptr : &*found;
}

StartableKernel startable_kernel(const std::string& path) {
  UniqueFd fd = open_file(path);
  KernelInfo info = head_of(fd, path);
  StartableKernel kernel;
  kernel.built_form = info.form;
  std::uint64_t size = file_size(fd, path);
  // Image.gz may hold anything, a zboot image too.
  if (info.form == KernelForm::gzip) {
    FdSource packed{fd.get(), path};
    fd = unpack(packed, concat("kernel ", quote(path)));
    size = file_size(fd, path);
    info = head_of(fd, path);
  }
  if (info.form == KernelForm::efi_zboot) {
    fd = unpack_zboot(fd, info, size, path);
    size = file_size(fd, path);
    info = head_of(fd, path);
  }
  check_form(info, path);
  kernel.architecture = info.architecture;
  kernel.size = size;
  kernel.file = std::make_shared<const UniqueFd>(std::move(fd));
  return kernel;
}

std::string image_id(const BootImage& image, std::string_view kernel_identity) {
  Sha256Hasher hasher;
  const auto add = [&](std::string_view text) { hasher.update(concat(text.size(), ":", text)); };
  add(image.architecture);
  add(image.cmdline);
  add(kernel_identity);
  for (const BootFile& file : image.initramfs) add(concat(file.name, " ", file.size));
  return hasher.finish().hex().substr(0, kIdDigits);
}

std::string check_memory(const BootImage& image, std::uint64_t memory) {
  if (memory == 0) return {};
  // While the kernel unpacks it, the initramfs is there twice: as it came, and as files.
  const std::uint64_t wanted = image.kernel.size + image.initramfs_size + image.root_size + kSystemMemory;
  if (wanted > memory) {
    return concat("the machine has ", memory_text(memory), " of memory, but this system needs ", memory_text(wanted),
                  ": kernel ", memory_text(image.kernel.size), ", initramfs ", memory_text(image.initramfs_size),
                  image.root_size == 0 ? "" : concat(", unpacked ", memory_text(image.root_size)), ", and ",
                  memory_text(kSystemMemory), " to run; take things out of it, or give the machine more memory");
  }
  // rootfs is a tmpfs of half the memory (Linux, init/do_mounts.c), and files that do not fit are left out silently.
  if (image.root_size > memory / 2) {
    return concat("the root tree of this system has ", memory_text(image.root_size),
                  ", and must fit into half of the machine's ", memory_text(memory),
                  " of memory; take things out of it, or give the machine at least ", memory_text(2 * image.root_size));
  }
  return {};
}

}  // namespace kiln::netboot
