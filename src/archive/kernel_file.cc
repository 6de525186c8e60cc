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

void KernelFile::extract(Sink& out) const {
  const std::string name = concat("kernel ", quote(path_.native()));
  if (info_.form == KernelForm::gzip || info_.form == KernelForm::efi_zboot) return unwrap(out);
  if (info_.form != KernelForm::bzimage || info_.payload_size == 0) {
    throw Error{name, ": no compressed kernel or no supported format found: it is ", kiln::name_of(info_.form)};
  }
  UniqueFd fd = open_file(path_);
  std::array<std::byte, 8> magic{};
  if (::pread(fd.get(), magic.data(), magic.size(), static_cast<off_t>(info_.payload_offset)) < 0 ||
      ::lseek(fd.get(), static_cast<off_t>(info_.payload_offset), SEEK_SET) < 0) {
    throw SysError{errno, "reading ", quote(path_.native())};
  }
  const Compression compression = detect_compression(magic);
  if (compression == Compression::none || compression == Compression::lz4) {
    throw Error{name, ": unsupported bzImage payload format at offset ", info_.payload_offset};
  }
  // All but gzip streams, which say it themselves, are followed by their size (linux scripts/Makefile.lib,
  // size_append).
  const std::uint64_t appended = compression == Compression::gzip ? 0 : 4;
  if (info_.payload_size <= appended) throw Error{name, ": its payload is empty"};
  FdSource whole{fd.get(), path_.native()};
  LimitedSource payload{whole, info_.payload_size - appended};
  copy(*decompress(payload, name + ": payload"), out);
}

}  // namespace kiln::archive
