#include "build/kernel_file.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "archive/decompress.h"
#include "archive/kernel_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/kernel_form.h"
#include "build/host_file.h"
#include "tree/layer_content.h"

namespace kiln::build {
namespace {

class HashingSink final : public Sink {
 public:
  explicit HashingSink(Sink& to) : to_{to} {}
  void write(Bytes data) override {
    hasher_.update(data);
    size_ += data.size();
    to_.write(data);
  }
  Sha256 finish() { return hasher_.finish(); }
  std::uint64_t size() const { return size_; }

 private:
  Sink& to_;
  Sha256Hasher hasher_;
  std::uint64_t size_ = 0;
};

class FileVisitor final : public tree::ContentVisitor {
 public:
  explicit FileVisitor(Sink& out) : out_{out} {}
  void begin(std::uint32_t, std::uint64_t) override {}
  void data(Bytes data) override { out_.write(data); }
  void end(std::uint32_t) override {}

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

bool search_kernel(const ExtractedFile& kernel) {
  UniqueFd fd = open_file(kernel.path);
  std::array<std::byte, kKernelHeadSize> head{};
  FdSource whole{fd.get(), kernel.path.native()};
  KernelInfo info = recognise_kernel(Bytes{head}.first(read_full(whole, head)));
  if (info.payload_size == 0) info.payload_size = kernel.size;
  if (info.payload_offset > kernel.size || info.payload_size > kernel.size - info.payload_offset) return false;
  FileRange compressed{fd.get(), kernel.path.native(), info.payload_offset, info.payload_size};
  const std::unique_ptr<Source> proper = archive::decompress(compressed, "kernel");
  try {
    return contains(*proper, kZstdMessage);
  } catch (const Error&) {
    return false;  // a compression we do not know, or bytes after the end of a known one: gzip is always right
  }
}

Sha256 content_of(const Plan& plan, const Entry& entry) {
  if (entry.layer != kGenerated) return plan.layers->layer(entry.layer).index.content(entry.entry);
  const Generated& file = plan.generated[entry.entry];
  return file.source ? file.source->content : Sha256::of(file.content);
}

}  // namespace

ExtractedFile extract_file(const Plan& plan, const Entry& entry, const oci::Store& store, Reporter& reporter) {
  const std::uint64_t size = plan.content_size(entry);
  const std::filesystem::path path = store.derived_directory("files") / content_of(plan, entry).hex();
  std::error_code error;
  if (std::filesystem::file_size(path, error) == size && !error) return {path, size};
  const auto activity = reporter.start("extract", entry.full_path(), size);
  AtomicFile out{path};
  if (entry.layer == kGenerated) {
    const Generated& file = plan.generated[entry.entry];
    file.source ? copy_host_file(*file.source, out.sink()) : out.sink().write(as_bytes(file.content));
  } else {
    const Layer& layer = plan.layers->layer(entry.layer);
    FileVisitor visitor{out.sink()};
    const std::unique_ptr<tree::LayerTar> tar = plan.layers->open(layer);
    tree::read_contents(layer.index, *tar, std::array{entry.entry}, visitor);
  }
  out.commit();
  activity->advance(size);
  activity->finish("");
  return {path, size};
}

HostFile decompress_kernel(const ExtractedFile& kernel, const oci::Store& store, Reporter& reporter) {
  const std::filesystem::path directory = store.derived_directory("files");
  const std::filesystem::path note = kernel.path.native() + ".decompressed";
  std::error_code error;
  if (std::filesystem::exists(note, error)) {
    if (const auto known = Sha256::from_hex(read_file(note, 64))) {
      const std::filesystem::path path = directory / known->hex();
      const std::uint64_t size = std::filesystem::file_size(path, error);
      if (!error) return {path.native(), size, *known};
    }
  }
  const auto activity = reporter.start("decompress", "kernel", kernel.size);
  const std::filesystem::path unnamed = directory / concat("of-", kernel.path.filename().native());
  AtomicFile out{unnamed};
  HashingSink hashing{out.sink()};
  archive::KernelFile{kernel.path}.extract(hashing);
  out.commit();
  const Sha256 content = hashing.finish();
  std::filesystem::rename(unnamed, directory / content.hex());
  write_file(note, content.hex());
  activity->advance(kernel.size);
  activity->finish("");
  return {(directory / content.hex()).native(), hashing.size(), content};
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
