#include "package/git_state.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <ctime>

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

/// An object's name: SHA-1, or SHA-256 in repositories made with --object-format=sha256.
bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error not_in_git(const fs::path& directory, const std::string& commit) {
  if (commit != "HEAD") {
    return Error{"package ", quote(directory.string()), " is not in commit ", quote(commit)};
  }
  return Error{"package ", quote(directory.string()), " is not in git"}.with_hint(
      "commit it, so that its tag can follow from its content");
}

std::string tree_id(const fs::path& directory, const std::string& commit) {
  if (!fs::is_directory(directory)) throw Error{"there is no directory ", quote(directory.string())};
  std::string path = trimmed(git(directory, {"rev-parse", "--show-prefix"}).output);
  std::string id;
  if (path.empty()) {
    id = trimmed(git(directory, {"show", "--format=%T", "-s", commit, "--"}).output);
  } else {
    path.pop_back();  // git's prefix ends with a slash; with it ls-tree would list the content
    const std::string listed = git(directory, {"ls-tree", "--full-tree", commit, "--", path}).output;
    // MODE SP TYPE SP ID TAB PATH
    const std::size_t first = listed.find(' ');
    const std::size_t second = first == std::string::npos ? first : listed.find(' ', first + 1);
    if (second != std::string::npos) id = listed.substr(second + 1, listed.find('\t') - second - 1);
  }
  if (!is_object_id(id)) throw not_in_git(directory, commit);
  return id;
}

bool has_changes(const fs::path& directory) {
  if (git(directory, {"diff", "--no-ext-diff", "--exit-code", "--quiet", "HEAD", "--", "."}).status != 0) return true;
  return !git(directory, {"ls-files", "--exclude-standard", "--others", "--", "."}).output.empty();
}

/// Contents only, in listing order, names and modes left out: LinuxKit's hash of a dirty directory.
void hash_contents(const fs::path& directory, Sha256Hasher& hasher) {
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

/// The directory of an extra source; throws unless it is in a repository.
fs::path source_of(const GitQuery& query, const std::string& extra_source) {
  fs::path directory = query.directory / extra_source.substr(0, extra_source.find(':'));
  if (!in_git(directory)) throw Error{"extra-sources ", quote(extra_source), ": it is not in a git repository"};
  return directory;
}

const fs::path& hashed(const GitQuery& query) { return query.hash_path.empty() ? query.directory : query.hash_path; }

}  // namespace

bool in_git(const fs::path& directory) {
  if (!find_program("git") || !fs::is_directory(directory)) return false;
  const CommandResult result = git(directory, {"rev-parse", "--is-inside-work-tree"});
  return result.status == 0 && trimmed(result.output) == "true";
}

std::string git_tree_hash(const GitQuery& query) {
  std::string hash = tree_id(hashed(query), query.commit);
  if (query.extra_sources.empty()) return hash;
  for (const std::string& source : query.extra_sources) {
    const fs::path directory = source_of(query, source);
    try {
      hash += tree_id(directory, query.commit);
    } catch (const Error& error) {
      throw error.within("extra-sources ", quote(source));
    }
  }
  return sha1_hex(hash);
}

std::string git_dirty_suffix(const GitQuery& query, bool force) {
  if (query.commit != "HEAD" && !force) return {};
  bool dirty = force || has_changes(hashed(query));
  // LinuxKit takes a package for clean whose extra sources are not. Their contents are mixed in only when they are
  // changed, so that in all other cases the suffix is LinuxKit's.
  std::vector<fs::path> contents{query.directory};
  for (const std::string& source : query.extra_sources) {
    fs::path directory = source_of(query, source);
    if (query.commit != "HEAD" || !has_changes(directory)) continue;
    dirty = true;
    contents.push_back(std::move(directory));
  }
  if (!dirty) return {};
  Sha256Hasher hasher;
  for (const fs::path& directory : contents) hash_contents(directory, hasher);
  return concat("-dirty-", hasher.finish().hex().substr(0, 7));
}

std::string git_head(const fs::path& directory) {
  if (!in_git(directory)) return {};
  const std::string commit = trimmed(git(directory, {"rev-parse", "HEAD"}).output);
  return is_object_id(commit) ? commit : "";
}

std::vector<std::string> git_head_tags(const fs::path& directory) {
  if (!in_git(directory)) return {};
  return lines(git(directory, {"tag", "-l", "--sort=refname", "--points-at", "HEAD"}).output);
}

std::string go_pseudo_version(const fs::path& directory, const std::string& commit) {
  if (commit.empty()) return {};
  const std::string text = trimmed(git(directory, {"show", "-s", "--format=%ct", commit}).output);
  std::int64_t seconds = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc{}) return {};
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char date[16];
  std::strftime(date, sizeof date, "%Y%m%d%H%M%S", &parts);
  return concat("v0.0.0-", date, "-", commit.substr(0, 12));
}

}  // namespace kiln::package
