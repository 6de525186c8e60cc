#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "config/system.h"
#include "tree/layer_index.h"

namespace kiln::build {

/// A tar on disk that is a layer like those of images, as far as a plan is concerned.
struct TarFile {
  std::filesystem::path path, index;
  Sha256 content;  ///< of the whole file
};

/// A part of a build, taken as it is from the tar of an earlier one.
struct ReusedPart {
  TarFile tar;
  std::string location;                ///< in the records of its entries: "services[2]"
  std::vector<std::uint32_t> entries;  ///< in the tar's index, in order
};

/// The tar of an earlier build as a source of parts (spec layout.md §12): which system it was made of, and the entries
/// of each of that system's parts. It must be LinuxKit's, or Kiln's with --strict: a tar that has each path once does
/// not know what a part had before another replaced it.
class InputTar {
 public:
  /// Reads a configuration that a build wrote into its tree. Throws Error.
  using Parser = std::function<config::System(const std::string& text)>;

  /// `metadata`: where in the tar that configuration is (of the last element of `files:` that has one). `indexes`: a
  /// directory for the tar's index, which is made once. Throws Error.
  InputTar(const std::filesystem::path& tar, const std::filesystem::path& indexes, std::string_view metadata,
           const Parser& parse);

  /// Nothing if the tar has no such configuration: then nothing of it is used.
  const std::optional<config::System>& system() const { return system_; }

  /// The entries of a part; null if there are none.
  std::shared_ptr<const ReusedPart> part(std::string_view location) const;

  /// The content of a small file among a part's entries, by its path; the last one counts.
  std::optional<std::string> content(const ReusedPart& part, std::string_view path) const;

 private:
  std::string read(std::uint32_t entry) const;

  TarFile tar_;
  std::unique_ptr<tree::LayerIndex> index_;
  std::optional<config::System> system_;
};

/// What of a configuration stays the same from one build to the next, and so may be taken from its tar. Each function
/// is for one kind of part; positions count in their lists.
bool is_same_kernel(const config::System& now, const config::System& before);
bool is_same_init(const config::System& now, const config::System& before, std::size_t position);
bool is_same_volume(const config::System& now, const config::System& before, std::size_t position);
bool is_same_container(const config::System& now, const config::System& before,
                       std::vector<config::Container> config::System::*section, std::size_t position);

/// Where the container whose runtime.json this is has its image: "containers/services/web/lower". Empty if it cannot be
/// told. `directory` is the container's own.
std::string root_of_runtime_json(const std::string& json, std::string_view directory);

}  // namespace kiln::build
