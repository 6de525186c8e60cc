#include "format/output_set.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <string>
#include <thread>

#include "base/error.h"

namespace kiln::format {
namespace {

/// What a record holds: the content, and what the file looked like. A mode is part of it: a build gives its outputs the
/// mode that the umask says, and one made unreadable meanwhile is not the same output.
std::string describe(const Sha256& content, const struct stat& file) {
  const auto time = [](const timespec& when) { return concat(when.tv_sec, ".", when.tv_nsec); };
  return concat("kiln output 1\n", content.hex(), "\n", file.st_dev, " ", file.st_ino, " ", file.st_size, " ",
                file.st_mode, " ", time(file.st_mtim), " ", time(file.st_ctim), "\n");
}

/// Times of files move with the kernel's tick. A change in the same tick as our own would leave no trace: wait it out.
void outlive_tick(const timespec& change) {
  timespec now{};
  while (::clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 && now.tv_sec == change.tv_sec &&
         now.tv_nsec <= change.tv_nsec) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

}  // namespace

std::filesystem::path OutputSet::record_path(const std::filesystem::path& output) const {
  const std::filesystem::path absolute = std::filesystem::absolute(output).lexically_normal();
  return store_.derived_directory("outputs") / Sha256::of(absolute.native()).hex();
}

AtomicFile* OutputSet::begin(const std::filesystem::path& path, const Sha256& content) {
  struct stat file = {};
  if (::lstat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode)) {
    const std::filesystem::path record = record_path(path);
    std::error_code error;
    if (std::filesystem::exists(record, error) && read_file(record) == describe(content, file)) {
      outputs_.push_back({path, static_cast<std::uint64_t>(file.st_size), true});
      return nullptr;
    }
  }
  pending_.push_back({outputs_.size(), AtomicFile{path}, content, 0});
  outputs_.push_back({path, 0, false});
  return &pending_.back().file;
}

void OutputSet::end(std::uint64_t size) { outputs_[pending_.back().output].size = size; }

void OutputSet::commit() {
  if (!pending_.empty()) AtomicFile::remove_stale(store_.derived_directory("outputs"));
  for (Pending& pending : pending_) {
    struct stat file = {};
    if (::fstat(pending.file.fd(), &file) == 0) pending.inode = file.st_ino;
    pending.file.commit();
  }
  for (const Pending& pending : pending_) {
    const Output& output = outputs_[pending.output];
    struct stat file = {};
    if (::lstat(output.path.c_str(), &file) != 0 || file.st_ino != pending.inode) continue;  // another build's by now
    outlive_tick(file.st_ctim);
    write_file(record_path(output.path), describe(pending.content, file));
  }
  pending_.clear();
}

}  // namespace kiln::format
