#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "build/layers.h"
#include "build/resolve.h"
#include "tree/metadata.h"

namespace kiln::build {

/// A file Kiln makes itself, rather than taking it from a layer.
struct Generated {
  tree::Kind kind = tree::Kind::regular;
  tree::Metadata meta;
  std::string user_name, group_name;
  std::string content;             ///< of a regular file, or the target of a symlink or hard link
  std::optional<HostFile> source;  ///< a regular file's content instead
};

inline constexpr std::uint32_t kGenerated = 0xffffffff;

/// A path of the root tree and where its metadata and content come from. Small, since there may be a million.
struct Entry {
  std::string_view prefix;  ///< of the part, ends in '/' or is empty; the full path is prefix + path
  std::string_view path;
  std::uint32_t layer = kGenerated;  ///< number in Layers, or kGenerated
  std::uint32_t entry = 0;           ///< in that layer's index, or in Plan::generated
  tree::Kind kind = tree::Kind::regular;
  bool linked = false;  ///< hard-linked to another entry with the same (layer, entry)
  enum class Header : std::uint8_t {
    own,         ///< all of it is the layer's, or the generated file's
    fixed_time,  ///< but for kFixedTime
    made,        ///< of the layer it has nothing but the permissions
  } header = Header::own;

  std::string full_path() const;
};

/// What of a build changes together: the kernel's modules, one init image, one container, the `files:`.
struct Part {
  std::string name;            ///< as in messages and reports: "services/web"
  std::vector<Entry> entries;  ///< each directory before what is in it
  /// Which of its files may be one inode with identical ones elsewhere: those nobody writes to once it is booted.
  enum class Shares { nothing, programs, everything } shares = Shares::nothing;
  /// In LinuxKit's own tar: the private pax records of its entries, or none.
  std::string source = {}, location = {};
  bool verbatim = false;  ///< or its entries have them already: it comes from an earlier build's tar
};

/// What goes into the boot directory, or beside the initramfs.
struct BootFiles {
  std::optional<Entry> kernel, ucode;
  std::string cmdline;
  std::optional<Entry> cmdline_file;  ///< where `files:` has it; otherwise it is Kiln's own
};

/// The whole root tree, every override resolved: no path occurs twice, every parent directory exists and stands in an
/// earlier or the same part. Views point into the plan, its layers and its arena.
struct Plan {
  Layers* layers = nullptr;
  std::deque<Generated> generated;
  std::deque<std::string> strings;  ///< what the views of entries point to where it is not a layer's index
  std::vector<Part> parts;          ///< in the order they stand in archives
  BootFiles boot;

  tree::Metadata metadata(const Entry& entry) const;
  tree::LayerEntry layer_entry(const Entry& entry) const;  ///< of an entry that comes from a layer
  std::uint64_t content_size(const Entry& entry) const;
};

/// The fixed modification time of everything Kiln generates (spec layout.md): 2017-04-18 16:30 UTC.
inline constexpr std::int64_t kFixedTime = 1492533000;

/// Computes the plan from indexes alone; no content is read, but for kernel.tar the first time it is seen and the
/// sources of `files:`. `layers` must outlive it. Throws Error.
Plan make_plan(const ResolvedSystem& system, Layers& layers);

}  // namespace kiln::build
