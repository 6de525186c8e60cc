#include "machine/memory_check.h"

#include <algorithm>
#include <vector>

#include "archive/initramfs.h"
#include "base/error.h"
#include "base/file.h"
#include "base/human.h"

namespace kiln::machine {
namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;
// What a kernel without anything to do takes: Debian's boots with an empty initramfs in 96 MiB, of which it says that
// 60 are available.
constexpr std::uint64_t kKernel = 40 * kMebibyte;
// No initramfs of programs compresses that well; below it there is no need to look closer.
constexpr std::uint64_t kBestRatio = 20;

std::uint64_t unpacked_size(const std::filesystem::path& initrd) {
  const UniqueFd fd = open_file(initrd);
  FdSource file{fd.get(), initrd.native()};
  const std::unique_ptr<Source> plain = archive::unpack_initramfs(file, concat("initramfs ", quote(initrd.native())));
  std::vector<std::byte> buffer(256 << 10);
  std::uint64_t size = 0;
  while (const std::size_t got = plain->read(buffer)) size += got;
  return size;
}

}  // namespace

std::uint64_t memory_needed(std::uint64_t compressed, std::uint64_t unpacked) {
  const std::uint64_t bytes = std::max(2 * unpacked, compressed + unpacked) + kKernel;
  return (bytes + kMebibyte - 1) / kMebibyte;
}

void check_memory(const std::filesystem::path& initrd, std::uint64_t mebibytes, Reporter& reporter) {
  const std::uint64_t compressed = std::filesystem::file_size(initrd);
  if (memory_needed(compressed, compressed * kBestRatio) <= mebibytes) return;
  std::uint64_t unpacked = 0;
  try {
    unpacked = unpacked_size(initrd);
  } catch (const Error& error) {
    reporter.detail(concat("not compared with the memory: ", error.message()));
    return;
  }
  const std::uint64_t needed = memory_needed(compressed, unpacked);
  if (needed <= mebibytes) return;
  constexpr std::uint64_t kStep = 64;
  throw Error{"initramfs ",
              quote(initrd.native()),
              " has ",
              human_size(compressed),
              ", unpacked ",
              human_size(unpacked),
              ", and needs ",
              needed,
              " MiB of memory; the machine has ",
              mebibytes}
      .with_hint(concat("give it more: --mem ", (needed + kStep - 1) / kStep * kStep, "M"));
}

}  // namespace kiln::machine
