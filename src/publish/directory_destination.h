#pragma once

#include <filesystem>
#include <vector>

#include "base/file.h"
#include "publish/destination.h"

namespace kiln::publish {

// Internal to this folder.

/// Files that all get their names at the end.
class DirectoryDestination final : public Destination {
 public:
  /// The directory is made, if it does not exist, for the first file.
  explicit DirectoryDestination(std::filesystem::path directory) : directory_{std::move(directory)} {}
  void put(const std::string& name, int file, std::uint64_t size) override;
  void finish() override;
  std::string location(const std::string& name) const override { return directory_ / name; }

 private:
  std::filesystem::path directory_;
  std::vector<AtomicFile> files_;
};

}  // namespace kiln::publish
