#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "oci/store.h"

namespace kiln::format {

/// A file a build leaves behind.
struct Output {
  std::filesystem::path path;
  std::uint64_t size = 0;
  bool kept = false;  ///< it was there already, whole, and was left alone
};

/// The files of one build, which appear together when it has succeeded: a failure halfway must not leave a new kernel
/// beside an old initramfs.
///
/// What is there already is not written again. For each output the store remembers, in its derived directory `outputs`,
/// which content Kiln put there and what fstat() said of the file then: device, inode, size, and the times of its last
/// change to the nanosecond. Every write, truncation, replacement and even a `touch -d` moves the time of change
/// (st_ctime), which no program can set; so a file that still looks the same still is.
class OutputSet {
 public:
  /// The store must outlive it.
  explicit OutputSet(const oci::Store& store) : store_{store} {}

  /// Begins the output under that path, whose bytes are a function of `content`; writes go to the file returned, whose
  /// size end() is told. Null when the file is there and has that content.
  AtomicFile* begin(const std::filesystem::path& path, const Sha256& content);
  void end(std::uint64_t size);

  /// Gives all files their names.
  void commit();

  /// In the order they were begun.
  const std::vector<Output>& outputs() const { return outputs_; }

 private:
  struct Pending {
    std::size_t output;
    AtomicFile file;
    Sha256 content;
    std::uint64_t inode = 0;
  };

  std::filesystem::path record_path(const std::filesystem::path& output) const;

  const oci::Store& store_;
  std::vector<Output> outputs_;
  std::vector<Pending> pending_;
};

}  // namespace kiln::format
