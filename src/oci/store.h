#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/guarded.h"
#include "oci/descriptor.h"

namespace kiln::oci {

class LayoutIndex;

/// Images on disk: an OCI image layout (image-spec, "Image Layout Specification") that skopeo, crane and LinuxKit read
/// and write, shared safely between processes and threads.
///
///     DIR/oci-layout  index.json          one descriptor per name, annotation org.opencontainers.image.ref.name
///     DIR/blobs/sha256/HEX                verified before they get their name; never changed afterwards
///     DIR/.lock                           POSIX lock around changes of index.json (LinuxKit's convention)
///     DIR/kiln/…                          what can be made again: layer indexes, segments, downloads in progress
class Store {
 public:
  /// Opens or creates it. Throws Error when the directory cannot be used or is not an image layout.
  explicit Store(std::filesystem::path directory);
  ~Store();
  Store(Store&&) noexcept;

  const std::filesystem::path& directory() const { return directory_; }
  /// DIR/kiln/NAME, created.
  std::filesystem::path derived_directory(std::string_view name) const;

  // Names (canonical references, exact strings). Entries of index.json without a name, or that Kiln cannot read, are
  // none of its business and stay as they are.
  /// Also finds an entry that another tool recorded under a short form of the name ("nginx:1.27"); an exact one wins.
  std::optional<Descriptor> find(std::string_view name) const;
  std::vector<std::pair<std::string, Descriptor>> names() const;
  void set(std::string_view name, const Descriptor& descriptor);  ///< replaces; durable when it returns
  bool remove(std::string_view name);                             ///< blobs stay until collect_garbage()

  // Blobs.
  bool has(const Descriptor& descriptor) const;  ///< there, and of that size
  std::filesystem::path blob_path(const Digest& digest) const;
  UniqueFd open(const Descriptor& descriptor) const;  ///< throws with a hint if absent or of another size
  /// A manifest, index or config, whole and verified against its digest; refuses more than 16 MiB.
  std::string read(const Descriptor& descriptor) const;
  /// Stores text (a manifest, config …) and returns its descriptor with that media type.
  Descriptor put(std::string_view content, std::string_view media_type);

  /// Takes in a blob as it comes. The digest is checked by commit(); nothing is visible before.
  class Writer final : public Sink {
   public:
    void write(Bytes data) override;
    std::uint64_t size() const { return size_; }
    /// When the digest is known in advance: throws unless content has it ("digest is X, expected Y").
    void commit(const Descriptor& expected);
    /// When it is not: returns it.
    Descriptor commit(std::string_view media_type);

   private:
    friend Store;
    explicit Writer(const Store& store);
    void commit_as(const Digest& digest);
    std::filesystem::path blobs_;
    AtomicFile file_;
    Sha256Hasher hasher_;
    std::uint64_t size_ = 0;
    std::uint64_t flushed_ = 0;
  };
  Writer write() const;

  /// Reads every blob reachable from the names and checks sizes and digests; the findings, one line each, are returned.
  std::vector<std::string> verify() const;

 private:
  std::filesystem::path index_path() const { return directory_ / "index.json"; }
  std::filesystem::path lock_path() const { return directory_ / ".lock"; }
  std::string read_index() const;
  std::shared_ptr<const LayoutIndex> index() const;
  void change_index(const std::function<bool(LayoutIndex&)>& change);

  std::filesystem::path directory_;
  struct Parsed;
  std::unique_ptr<Guarded<Parsed>> parsed_;
};

}  // namespace kiln::oci
