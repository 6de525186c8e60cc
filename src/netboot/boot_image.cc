#include "netboot/boot_image.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "base/sha256.h"
#include "publish/boot_kernel.h"

namespace kiln::netboot {
namespace {

constexpr std::uint64_t kMostKernel = 512 << 20;
constexpr std::size_t kIdDigits = 16;

/// What the kernel, its page tables and iPXE need beside the files, at least.
constexpr std::uint64_t kSystemMemory = 48 << 20;

/// Memory is counted in powers of two, by people and by what they buy.
std::string memory_text(std::uint64_t bytes) { return concat((bytes + (1 << 20) - 1) >> 20, " MiB"); }

/// Of the open file: under its path there may be another one by now.
std::uint64_t size_of(const UniqueFd& fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw SysError{errno, "reading ", quote(path)};
  return static_cast<std::uint64_t>(status.st_size);
}

/// A file without a name, in memory, of bounded size: what a stream unpacks to is known only at its end.
class MemoryFile final : public Sink {
 public:
  explicit MemoryFile(std::string what) : what_{std::move(what)}, fd_{::memfd_create("kernel", MFD_CLOEXEC)} {
    if (!fd_) throw SysError{errno, "unpacking ", what_};
  }
  void write(Bytes data) override {
    size_ += data.size();
    if (size_ > kMostKernel) throw Error{what_, ": unpacked, it is larger than ", human_size(kMostKernel)};
    FdSink{fd_.get(), what_}.write(data);
  }
  std::uint64_t size() const { return size_; }
  UniqueFd take() { return std::move(fd_); }

 private:
  std::string what_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace

const BootFile* BootImage::segment(std::string_view name) const {
  const auto found =
      std::find_if(initramfs.begin(), initramfs.end(), [&](const BootFile& file) { return file.name == name; });
  return found == initramfs.end() ? nullptr : &*found;
}

StartableKernel startable_kernel(const std::string& path) {
  const archive::KernelFile file = publish::open_boot_kernel(path);
  const KernelInfo inside = file.inside();
  StartableKernel kernel;
  kernel.built_form = file.info().form;
  kernel.architecture = inside.architecture;
  if (inside.form == kernel.built_form) {
    kernel.file = std::make_shared<const UniqueFd>(open_file(path));
    kernel.size = size_of(*kernel.file, path);
  } else {
    MemoryFile unpacked{concat("kernel ", quote(path))};
    file.unwrap(unpacked);
    kernel.size = unpacked.size();
    kernel.file = std::make_shared<const UniqueFd>(unpacked.take());
  }
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
