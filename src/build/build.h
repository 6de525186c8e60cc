#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/reporter.h"
#include "build/compression.h"
#include "build/kernel_file.h"
#include "build/render.h"
#include "build/resolve.h"

namespace kiln::build {

struct Options {
  std::optional<Compression> compression;  ///< nothing: zstd if the kernel reads it, else gzip
  unsigned threads = 0;                    ///< 0: one per processor
  bool decompress_kernel = false;          ///< the kernel proper in place of what it is wrapped in
  bool linuxkit_tar = false;               ///< the tar is LinuxKit's, entry for entry: paths occur again and again
};

/// What a kernel and an initramfs are made of: files of the store's caches, to be joined.
struct BootSet {
  std::optional<ExtractedFile> kernel, ucode;
  std::string cmdline;
  Compression compression;
  std::vector<SegmentFile> segments;  ///< the initramfs, less ucode
  std::uint64_t root_size = 0;        ///< bytes of regular files in the root tree, every name counted
  std::uint64_t content_size = 0;     ///< of which so many are stored: the rest is shared
  std::size_t segments_rendered = 0;  ///< the others came from the cache
  std::uint64_t content_rendered = 0;
};

/// Told of a boot set while its initramfs is still made: what can be written already need not wait for the end.
class BootSetFollower {
 public:
  virtual ~BootSetFollower() = default;
  /// All of it is known but for the sizes of segments that are yet to be rendered.
  virtual void begin(const BootSet& set) = 0;
  /// The next segment of the initramfs.
  virtual void segment(const SegmentFile& segment) = 0;
};

/// A build on its way from images to files. What formats ask for is computed when they ask, and once.
class Build {
 public:
  /// All references must outlive it.
  Build(const ResolvedSystem& system, const oci::Store& store, const Options& options, Reporter& reporter);
  ~Build();

  /// For archive formats. A build whose inputs are those of an earlier one finds it by their digest alone: no layer
  /// index is opened and no plan is made. The follower, if there is one, is called on this thread, before the end.
  const BootSet& boot_set(BootSetFollower* follower = nullptr);

  /// The same for loaders that fetch each segment as a file of its own: at most kMostLoaded of them.
  BootSet boot_set_to_load();

  /// What a tar of the root tree is for: a build context for docker has a Dockerfile in it.
  enum class TarKind { plain, docker };
  /// Of all that decides the bytes of write_tar().
  Sha256 tar_key(TarKind kind) const;
  /// The uncompressed tar of the root tree, boot files included, straight to a sink.
  void write_tar(TarKind kind, Sink& out);

  const Plan& plan();

  /// Keeps the caches from growing without end: removes what was used longest ago.
  void prune() const { cache_.prune(kCacheLimit); }

 private:
  /// Each is named on the kernel's command line, which has room for 2047 bytes.
  static constexpr std::size_t kMostLoaded = 64;
  static constexpr std::uint64_t kCacheLimit = std::uint64_t{8} << 30;

  Sha256 input_key(std::string_view version) const;
  Sha256 memo_key() const;
  std::optional<BootSet> recall(const Sha256& key) const;
  void extract_boot_files(const Plan& plan, BootSet& set) const;
  void remember(const Sha256& key, const BootSet& set) const;
  BootSet make_boot_set(const Sha256& key, BootSetFollower* follower);
  Plan tar_plan(const ResolvedSystem& system);
  void decompress_kernel(Plan& plan) const;

  const ResolvedSystem& system_;
  const oci::Store& store_;
  Options options_;
  Reporter& reporter_;
  SegmentCache cache_;
  std::unique_ptr<Layers> layers_;
  std::unique_ptr<Plan> plan_;
  std::optional<BootSet> boot_set_;
};

}  // namespace kiln::build
