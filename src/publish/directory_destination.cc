#include "publish/directory_destination.h"

namespace kiln::publish {

void DirectoryDestination::put(const std::string& name, int file, std::uint64_t size) {
  if (files_.empty()) {
    make_directories(directory_);
    AtomicFile::remove_stale(directory_);
  }
  AtomicFile& out = files_.emplace_back(directory_ / name);
  copy_range(file, 0, size, out.fd(), name);
}

void DirectoryDestination::finish() {
  for (AtomicFile& file : files_) file.commit();
  files_.clear();
}

}  // namespace kiln::publish
