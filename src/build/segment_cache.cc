#include "build/segment_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace kiln::build {
namespace {

struct Trailer {
  char magic[8] = {'K', 'I', 'L', 'N', 'S', 'E', 'G', '1'};
  le64 size;
};
static_assert(sizeof(Trailer) == 16);

/// Beside the segment; a dot file, so that prune() does not count it.
std::filesystem::path digest_note(const std::filesystem::path& segment) {
  return segment.parent_path() / concat(".", segment.filename().native(), ".sha256");
}

}  // namespace

Sha256 content_digest(const SegmentFile& segment) {
  const std::filesystem::path note = digest_note(segment.path);
  std::error_code error;
  if (std::filesystem::exists(note, error)) {
    if (const auto known = Sha256::from_hex(read_file(note, 64))) return *known;
  }
  const UniqueFd fd = open_file(segment.path);
  FdSource file{fd.get(), segment.path.native()};
  LimitedSource content{file, segment.size};
  Sha256Hasher hasher;
  std::vector<std::byte> buffer(256 << 10);
  while (const std::size_t got = content.read(buffer)) hasher.update(Bytes{buffer}.first(got));
  const Sha256 digest = hasher.finish();
  write_file(note, digest.hex());
  return digest;
}

SegmentCache::SegmentCache(const oci::Store& store) : directory_{store.derived_directory("segments")} {
  AtomicFile::remove_stale(directory_);
}

std::optional<SegmentFile> SegmentCache::find(const Sha256& key) const {
  const std::filesystem::path path = this->path(key);
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return std::nullopt;
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0 || status.st_size < static_cast<off_t>(sizeof(Trailer))) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(status.st_size) - sizeof(Trailer);
  Trailer found;
  const Trailer expected{.size = size};
  if (::pread(fd.get(), &found, sizeof found, static_cast<off_t>(size)) != sizeof found) return std::nullopt;
  if (std::memcmp(&found, &expected, sizeof found) != 0) return std::nullopt;
  ::futimens(fd.get(), nullptr);
  return SegmentFile{path, size};
}

AtomicFile SegmentCache::create(const Sha256& key) const { return AtomicFile{path(key)}; }

SegmentFile SegmentCache::store(AtomicFile file, std::uint64_t size) const {
  const Trailer trailer{.size = size};
  std::error_code ignored;
  std::filesystem::remove(digest_note(file.path()), ignored);  // another version of zstd may give other bytes
  file.sink().write(Bytes{reinterpret_cast<const std::byte*>(&trailer), sizeof trailer});
  file.commit();
  stored_ += size;
  return {file.path(), size};
}

SegmentFile SegmentCache::joined(std::span<const SegmentFile> segments) const {
  if (segments.size() == 1) return segments.front();
  Sha256Hasher hasher;
  hasher.update(std::string_view{"joined"});
  for (const SegmentFile& segment : segments) hasher.update(segment.path.filename().native());
  const Sha256 key = hasher.finish();
  if (const std::optional<SegmentFile> known = find(key)) return *known;
  AtomicFile file = create(key);
  std::uint64_t size = 0;
  for (const SegmentFile& segment : segments) {
    const UniqueFd fd = open_file(segment.path);
    copy_range(fd.get(), 0, segment.size, file.fd(), segment.path.native());
    size += segment.size;
  }
  return store(std::move(file), size);
}

/// For the next process, what this one has stored. Whether it is so much that prune() has to look. Two that note at
/// once may forget what one has stored: the look comes later then.
bool SegmentCache::note_stored(std::uint64_t limit) const {
  std::uint64_t stored = stored_.exchange(0);
  if (stored == 0) return false;
  const std::filesystem::path note = directory_ / ".stored";
  std::error_code error;
  bool due = true;
  if (std::filesystem::exists(note, error)) {
    const std::string text = read_file(note, 32);
    std::uint64_t before = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), before);
    stored += before;
    due = wrong != std::errc{} || stored >= limit / 16;
  }
  write_file(note, std::to_string(due ? 0 : stored));
  return due;
}

void SegmentCache::prune(std::uint64_t limit) const {
  if (!note_stored(limit)) return;
  struct Cached {
    std::filesystem::file_time_type used;
    std::uint64_t size;
    std::filesystem::path path;
  };
  std::vector<Cached> all;
  std::uint64_t total = 0;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator{directory_, error}) {
    if (file.path().filename().native().starts_with('.')) continue;
    const auto size = file.file_size(error);
    if (error) continue;
    all.push_back({file.last_write_time(error), size, file.path()});
    total += size;
  }
  std::sort(all.begin(), all.end(), [](const Cached& a, const Cached& b) { return a.used < b.used; });
  for (const Cached& oldest : all) {
    if (total <= limit) break;
    if (std::filesystem::remove(oldest.path, error)) total -= oldest.size;
    std::filesystem::remove(digest_note(oldest.path), error);
  }
}

}  // namespace kiln::build
