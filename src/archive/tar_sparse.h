#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/pax.h"
#include "archive/tar_block.h"
#include "archive/tar_input.h"

namespace kiln::archive {

/// Where the stored bytes of a sparse file belong (GNU tar manual, "Storing Sparse Files").
struct SparseRegion {
  std::uint64_t offset = 0, size = 0;
};

/// How a sparse file is stored, in whichever of GNU tar's four formats.
struct SparseMap {
  std::vector<SparseRegion> regions;
  std::uint64_t real_size = 0;
  std::string path;                 ///< the real name, where the header has a made-up one
  std::uint64_t bytes_in_data = 0;  ///< of the map itself, where it stands before the content (format 1.0)
};

/// The oldest format: typeflag 'S', with further blocks after the header, which are taken from `input`.
SparseMap read_old_gnu_sparse(const TarBlock& block, TarInput& input);

/// Formats 0.0, 0.1 and 1.0: records GNU.sparse.*; nothing when there are none. The map of 1.0 is taken from `input`,
/// which must stand at the entry's content, `stored_size` bytes long.
std::optional<SparseMap> read_pax_sparse(const std::vector<PaxRecord>& records, std::uint64_t stored_size,
                                         TarInput& input);

/// Throws unless the regions ascend, do not overlap, stay below the real size and add up to `stored_size`.
void check_sparse_map(const SparseMap& map, std::uint64_t stored_size);

}  // namespace kiln::archive
