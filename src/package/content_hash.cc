#include "package/content_hash.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

void hash_text(Sha256Hasher& hasher, std::string_view text) {
  hasher.update(concat(text.size(), ":"));
  hasher.update(text);
}

}  // namespace

std::string directory_hash(const fs::path& directory, std::string_view salt) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator{directory}) {
    if (entry.is_regular_file() || entry.is_symlink()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  Sha256Hasher hasher;
  hash_text(hasher, salt);
  for (const fs::path& file : files) {
    const bool link = fs::is_symlink(file);
    const bool executable = !link && (fs::status(file).permissions() & fs::perms::owner_exec) != fs::perms::none;
    hash_text(hasher, file.lexically_relative(directory).generic_string());
    hash_text(hasher, link ? "link" : executable ? "program" : "file");
    hash_text(hasher, link ? fs::read_symlink(file).string() : read_file(file));
  }
  return hasher.finish().hex().substr(0, 40);
}

std::string apply_tag_template(std::string_view tag, std::string_view hash) {
  std::string out;
  std::string_view rest = tag;
  for (std::size_t open; (open = rest.find("{{")) != std::string_view::npos;) {
    const std::size_t close = rest.find("}}", open);
    if (close == std::string_view::npos) throw Error{"tag ", quote(tag), ": '{{' without '}}'"};
    std::string_view inside = rest.substr(open + 2, close - open - 2);
    while (inside.starts_with(' ')) inside.remove_prefix(1);
    while (inside.ends_with(' ')) inside.remove_suffix(1);
    if (inside != ".Hash")
      throw Error{"tag ", quote(tag), ": ", quote(inside), " is unknown"}.with_hint("only {{.Hash}} exists");
    out += concat(rest.substr(0, open), hash);
    rest.remove_prefix(close + 2);
  }
  out += rest;
  return out.empty() ? "latest" : out;
}

}  // namespace kiln::package
