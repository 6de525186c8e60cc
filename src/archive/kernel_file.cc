#include "archive/kernel_file.h"

#include <unistd.h>

#include <array>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::archive {
namespace {

KernelInfo recognise(Source& source) {
  std::array<std::byte, kKernelHeadSize> head{};
  return recognise_kernel(Bytes{head}.first(read_full(source, head)));
}

void check_payload(const KernelInfo& info, const std::string& name) {
  const std::string_view type = info.payload_compression;
  if (type == "gzip" || type == "zstd" || type == "xzkern" || type == "xz") return;
  throw Error{name, ": its payload is compressed with ", quote(type), ": expected gzip, zstd or xz"};
}

}  // namespace

template <typename Use>
auto KernelFile::with_content(Use use) const {
  const std::string name = concat("kernel ", quote(path_.native()));
  UniqueFd fd = open_file(path_);
  FdSource whole{fd.get(), path_.native()};
  if (info_.form == KernelForm::gzip) return use(*decompress(whole, name));
  if (info_.form != KernelForm::efi_zboot) return use(whole);
  check_payload(info_, name);
  if (::lseek(fd.get(), static_cast<off_t>(info_.payload_offset), SEEK_SET) < 0) {
    throw SysError{errno, "reading ", quote(path_.native())};
  }
  LimitedSource payload{whole, info_.payload_size};
  return use(*decompress(payload, name + ": payload"));
}

KernelFile::KernelFile(std::filesystem::path path) : path_{std::move(path)} {
  UniqueFd fd = open_file(path_);
  FdSource source{fd.get(), path_.native()};
  info_ = recognise(source);
  if (info_.form == KernelForm::gzip) info_.architecture = inside().architecture;
}

KernelInfo KernelFile::inside() const {
  return with_content([](Source& source) { return recognise(source); });
}

void KernelFile::unwrap(Sink& out) const {
  with_content([&out](Source& source) { return copy(source, out); });
}

}  // namespace kiln::archive
