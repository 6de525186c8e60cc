#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/stream.h"
#include "oci/digest.h"
#include "oci/store.h"

namespace kiln::package {

/// Where contents wait for their place: a nameless temporary file, which is gone when this is.
class Spool final : public Sink {
 public:
  explicit Spool(const std::filesystem::path& directory);

  struct Piece {
    std::uint64_t offset = 0, size = 0;
  };
  Piece append(Source& content);
  Piece append(std::string_view content);
  void write(Bytes data) override;
  std::uint64_t size() const { return size_; }
  /// Copies a piece to `to`.
  void read(const Piece& piece, Sink& to) const;

 private:
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

/// A file of a layer that Kiln makes.
struct LayerFile {
  char type = '0';  ///< as in TarHeader: '0' file, '2' symlink, '5' directory
  std::uint32_t mode = 0644, uid = 0, gid = 0;
  std::int64_t mtime = 0;
  std::string link;      ///< symlink's target
  Spool::Piece content;  ///< type '0'
};

/// Writes a tree as a tar: entries sorted by path, directories before their content, numeric
/// owners only. Files that have the same piece of the spool are hard links of each other. A function of its inputs.
/// `files`: by path without leading slash; `directory` makes those that are not in it.
void write_tar(const std::map<std::string, LayerFile>& files,
               const std::function<LayerFile(std::string_view)>& directory, const Spool& spool, Sink& out);

struct StoredLayer {
  oci::Descriptor descriptor;      ///< of the zstd-compressed blob in the store
  oci::Digest diff_id;             ///< of the tar
  std::uint64_t content_size = 0;  ///< bytes of file content, each hard-linked file once
};

/// write_tar() into a blob of the store.
StoredLayer store_layer(const std::map<std::string, LayerFile>& files,
                        const std::function<LayerFile(std::string_view)>& directory, const Spool& spool,
                        oci::Store& store);

}  // namespace kiln::package
