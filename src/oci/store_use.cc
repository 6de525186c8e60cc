#include "oci/store_use.h"

#include <cerrno>

#include "base/error.h"

namespace kiln::oci {
namespace {

std::filesystem::path lock_path(const Store& store) { return store.directory() / "kiln" / kInUseLock; }

}  // namespace

std::optional<LockFile> use_store(const Store& store) {
  try {
    return LockFile{lock_path(store), LockFile::Mode::shared};
  } catch (const SysError& error) {
    if (error.error_number() != EROFS && error.error_number() != EACCES && error.error_number() != EPERM) throw;
    return std::nullopt;
  }
}

LockFile own_store(const Store& store, const std::function<void()>& waiting) {
  if (auto lock = LockFile::try_lock(lock_path(store), LockFile::Mode::exclusive)) return *std::move(lock);
  waiting();
  return LockFile{lock_path(store), LockFile::Mode::exclusive};
}

}  // namespace kiln::oci
