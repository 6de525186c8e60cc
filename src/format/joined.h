#pragma once

#include <cstdint>
#include <filesystem>

#include "base/file.h"
#include "build/build.h"

// Files joined from those of the store's caches.
namespace kiln::format {

/// Appends the first `size` bytes of a file; returns how many there were.
std::uint64_t append_file(AtomicFile& out, const std::filesystem::path& part, std::uint64_t size);

/// Appends the initramfs, microcode not included; returns its size, which is initrd_size().
std::uint64_t append_initrd(AtomicFile& out, const build::BootSet& set);
std::uint64_t initrd_size(const build::BootSet& set);

/// What decides the bytes of an initramfs with microcode in front.
Sha256 initrd_content(const build::BootSet& set);

/// Counts what goes through.
class CountingSink final : public Sink {
 public:
  explicit CountingSink(Sink& to) : to_{to} {}
  void write(Bytes data) override {
    to_.write(data);
    size_ += data.size();
  }
  std::uint64_t size() const { return size_; }

 private:
  Sink& to_;
  std::uint64_t size_ = 0;
};

}  // namespace kiln::format
