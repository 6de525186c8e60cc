#include "build/kernel_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"
#include "tree/layer_content.h"

namespace kiln::build {
namespace {

class FileVisitor final : public tree::ContentVisitor {
 public:
  explicit FileVisitor(Sink& out) : out_{out} {}
  void begin(std::uint32_t, std::uint64_t) override {}
  void data(Bytes data) override { out_.write(data); }
  void end() override {}

 private:
  Sink& out_;
};

/// Of lib/decompress_unzstd.c, linked into the kernel proper only for CONFIG_RD_ZSTD.
constexpr std::string_view kZstdMessage = "ZSTD-compressed data is corrupt";

bool contains(Source& from, std::string_view needle) {
  std::string window;
  std::vector<std::byte> buffer(256 * 1024);
  while (const std::size_t got = from.read(buffer)) {
    window += as_text(Bytes{buffer}.first(got));
    if (window.find(needle) != std::string::npos) return true;
    window.erase(0, window.size() - std::min(window.size(), needle.size() - 1));
  }
  return false;
}

/// A stretch of a file.
class FileRange final : public Source {
 public:
  FileRange(int fd, const std::string& name, std::uint64_t offset, std::uint64_t size)
      : source_{fd, name}, limited_{source_, size} {
    ::lseek(fd, static_cast<off_t>(offset), SEEK_SET);
  }
  std::size_t read(MutableBytes into) override { return limited_.read(into); }

 private:
  FdSource source_;
  LimitedSource limited_;
};

struct Range {
  std::uint64_t offset = 0, size = 0;
};

template <typename T>
T load(Bytes head, std::size_t offset) {
  T value;
  std::memcpy(&value, head.data() + offset, sizeof value);
  return value;
}

/// Where the compressed kernel proper is: everything, or the payload of a bzImage (Linux
/// Documentation/arch/x86/boot.rst) or of an EFI zboot image (drivers/firmware/efi/libstub/zboot-header.S).
Range payload(Bytes head, std::uint64_t file_size) {
  if (head.size() > 0x250 && as_text(head.subspan(0x202, 4)) == "HdrS" && load<le16>(head, 0x206) >= 0x208) {
    const std::uint64_t setup_sectors = static_cast<unsigned>(head[0x1f1]);
    return {load<le32>(head, 0x248) + ((setup_sectors == 0 ? 4 : setup_sectors) + 1) * 512, load<le32>(head, 0x24c)};
  }
  if (head.size() > 16 && as_text(head.subspan(4, 4)) == "zimg") return {load<le32>(head, 8), load<le32>(head, 12)};
  return {0, file_size};
}

bool search_kernel(const ExtractedFile& kernel) {
  UniqueFd fd = open_file(kernel.path);
  std::array<std::byte, 0x260> head{};
  FdSource whole{fd.get(), kernel.path.native()};
  const std::size_t got = read_full(whole, head);
  const Range range = payload(Bytes{head}.first(got), kernel.size);
  if (range.offset > kernel.size || range.size > kernel.size - range.offset) return false;
  FileRange compressed{fd.get(), kernel.path.native(), range.offset, range.size};
  const std::unique_ptr<Source> proper = archive::decompress(compressed, "kernel");
  try {
    return contains(*proper, kZstdMessage);
  } catch (const Error&) {
    return false;  // a compression we do not know, or bytes after the end of a known one: gzip is always right
  }
}

}  // namespace

ExtractedFile extract_file(const Plan& plan, const Entry& entry, const oci::Store& store, Reporter& reporter) {
  const Layer& layer = plan.layers->layer(entry.layer);
  const tree::LayerEntry file = layer.index.entry(entry.entry);
  const std::filesystem::path path = store.derived_directory("files") / file.content.hex();
  std::error_code error;
  if (std::filesystem::file_size(path, error) == file.size && !error) return {path, file.size};
  const auto activity = reporter.start("extract", file.path, file.size);
  AtomicFile out{path};
  FileVisitor visitor{out.sink()};
  const std::unique_ptr<Source> tar = plan.layers->open(layer);
  tree::read_contents(layer.index, *tar, std::array{entry.entry}, visitor);
  out.commit();
  return {path, file.size};
}

bool reads_zstd(const ExtractedFile& kernel) {
  const std::filesystem::path note = kernel.path.native() + ".zstd";
  std::error_code error;
  if (std::filesystem::exists(note, error)) return read_file(note, 16) == "yes";
  const bool answer = search_kernel(kernel);
  write_file(note, answer ? "yes" : "no");
  return answer;
}

}  // namespace kiln::build
