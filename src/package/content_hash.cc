#include "package/content_hash.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

/// git with the directory as its working directory. Optional locks off: show-tag must work on a read-only checkout, and
/// must not disturb another git.
CommandResult git(const fs::path& directory, std::vector<std::string> arguments) {
  std::vector<std::string> command{"git", "--no-optional-locks", "-c", "safe.directory=*"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run({std::move(command), {{"LC_ALL", "C"}}, directory.string(), {}});
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool in_work_tree(const fs::path& directory) {
  if (!find_program("git")) return false;
  const CommandResult result = git(directory, {"rev-parse", "--is-inside-work-tree"});
  return result.status == 0 && trimmed(result.output) == "true";
}

bool is_sha1(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string tree_id(const fs::path& directory) {
  const CommandResult prefix = git(directory, {"rev-parse", "--show-prefix"});
  std::string path = trimmed(prefix.output);
  if (path.empty()) return trimmed(git(directory, {"show", "--format=%T", "-s", "HEAD"}).output);
  path.pop_back();  // git's prefix ends with a slash; with it ls-tree would list the content
  const CommandResult listed = git(directory, {"ls-tree", "--full-tree", "HEAD", "--", path});
  // MODE SP TYPE SP ID TAB PATH
  const std::size_t first = listed.output.find(' ');
  const std::size_t second = first == std::string::npos ? first : listed.output.find(' ', first + 1);
  const std::string id = second == std::string::npos ? "" : listed.output.substr(second + 1, 40);
  if (!is_sha1(id)) {
    throw Error{"package ", quote(directory.string()), " is not in git"}.with_hint(
        "commit it, so that its tag can follow from its content");
  }
  return id;
}

bool is_dirty(const fs::path& directory) {
  if (git(directory, {"diff", "--no-ext-diff", "--exit-code", "--quiet", "HEAD", "--", "."}).status != 0) return true;
  return !git(directory, {"ls-files", "--exclude-standard", "--others", "--", "."}).output.empty();
}

/// Contents only, in listing order, names and modes left out: LinuxKit's hash of a dirty directory.
std::string dirty_hash(const fs::path& directory) {
  Sha256Hasher hasher;
  std::vector<std::string> names = lines(git(directory, {"ls-files"}).output);
  for (std::string& name : lines(git(directory, {"ls-files", "--exclude-standard", "--others"}).output)) {
    names.push_back(std::move(name));
  }
  for (const std::string& name : names) {
    std::error_code error;
    const fs::path file = directory / name;
    if (!fs::is_regular_file(fs::symlink_status(file, error))) continue;
    hasher.update(read_file(file, std::size_t{1} << 30));
  }
  return hasher.finish().hex();
}

std::string sha1_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr) != 1)
    throw Error{"SHA-1 is not available"};
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

void hash_text(Sha256Hasher& hasher, std::string_view text) {
  hasher.update(concat(text.size(), ":"));
  hasher.update(text);
}

}  // namespace

std::string git_tree_hash(const fs::path& directory, const std::vector<std::string>& extra_sources) {
  if (!in_work_tree(directory)) return {};
  std::string hash = tree_id(directory);
  if (!extra_sources.empty()) {
    std::string all = hash;
    for (const std::string& source : extra_sources) all += tree_id(directory / source.substr(0, source.find(':')));
    hash = sha1_hex(all);
  }
  if (is_dirty(directory)) hash += concat("-dirty-", dirty_hash(directory).substr(0, 7));
  return hash;
}

std::string clean_commit(const fs::path& directory) {
  if (!in_work_tree(directory) || is_dirty(directory)) return {};
  const std::string commit = trimmed(git(directory, {"rev-parse", "HEAD"}).output);
  return is_sha1(commit) ? commit : "";
}

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
