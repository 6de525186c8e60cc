#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::http {

struct ListedFile {
  std::string name;
  bool is_directory = false;
  std::optional<std::uint64_t> size;  ///< of regular files
  std::optional<std::time_t> modified;
};

/// The names in a directory, sorted, without those that begin with a dot. `directory` stays the caller's.
std::vector<ListedFile> read_directory(int directory);

/// A page that lists them; `path` is what its heading says, "/" at its end.
std::string listing_page(std::string_view path, const std::vector<ListedFile>& files);

std::string escape_html(std::string_view text);

}  // namespace kiln::http
