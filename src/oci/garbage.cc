#include "oci/garbage.h"

#include <set>

#include "base/error.h"
#include "base/lock_file.h"
#include "oci/manifest.h"
#include "oci/store_use.h"

namespace kiln::oci {
namespace {

namespace fs = std::filesystem;

using Digests = std::set<Digest>;

/// Adds the blob and all that it refers to. Content an index lists but the store never fetched has no children here.
void mark(const Store& store, const Descriptor& descriptor, Digests& reached) {
  if (!reached.insert(descriptor.digest).second || !store.has(descriptor)) return;
  const std::string name = concat("blob ", descriptor.digest.to_string());
  if (is_index(descriptor.media_type)) {
    for (const Descriptor& entry : parse_index(store.read(descriptor), name).manifests) mark(store, entry, reached);
  } else if (is_manifest(descriptor.media_type)) {
    const Manifest manifest = parse_manifest(store.read(descriptor), name);
    mark(store, manifest.config, reached);
    for (const Descriptor& layer : manifest.layers) mark(store, layer, reached);
  }
}

/// What the store's entries need, named or not: other tools' entries count too.
Digests mark_all(const Store& store) {
  constexpr std::size_t kMostIndex = 256 << 20;
  const fs::path path = store.directory() / "index.json";
  try {
    Digests reached;
    for (const Descriptor& entry : parse_index(read_file(path, kMostIndex), quote(path.native())).manifests) {
      mark(store, entry, reached);
    }
    return reached;
  } catch (const Error& error) {
    throw error.within("finding out which blobs are needed").with_hint("'kiln cache verify' lists what is damaged");
  }
}

void remove_blob(const fs::path& path, Freed& freed) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  if (error || !fs::remove(path, error)) return;  // someone else was faster
  ++freed.blobs;
  freed.bytes += size;
}

LockFile lock_index(const Store& store) { return LockFile{store.directory() / ".lock", LockFile::Mode::exclusive}; }

}  // namespace

std::optional<Freed> remove_image(Store& store, std::string_view name) {
  const std::optional<Descriptor> descriptor = store.find(name);
  if (!descriptor || !store.remove(name)) return std::nullopt;
  const LockFile lock = lock_index(store);
  Digests candidates;
  Digests needed;
  Freed freed;
  try {
    mark(store, *descriptor, candidates);
  } catch (const Error&) {
    // It was damaged; what could be read of it is in `candidates`.
  }
  try {
    needed = mark_all(store);
  } catch (const Error&) {
    return freed;
  }
  for (const Digest& digest : candidates) {
    if (!needed.contains(digest)) remove_blob(store.blob_path(digest), freed);
  }
  return freed;
}

Freed collect_garbage(Store& store, std::chrono::seconds grace) {
  const LockFile lock = lock_index(store);
  const Digests needed = mark_all(store);
  const auto oldest = fs::file_time_type::clock::now() - grace;
  Freed freed;
  for (const fs::directory_entry& entry : fs::directory_iterator{store.directory() / "blobs" / "sha256"}) {
    const std::optional<Sha256> value = Sha256::from_hex(entry.path().filename().native());
    std::error_code error;
    if (!value || needed.contains(Digest{*value}) || entry.last_write_time(error) > oldest) continue;
    remove_blob(entry.path(), freed);
  }
  return freed;
}

Freed clear(Store& store) {
  for (const auto& [name, descriptor] : store.names()) store.remove(name);
  Freed freed;
  for (const char* directory : {"blobs/sha256", "kiln"}) {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator{store.directory() / directory, ignored}) {
      if (entry.is_regular_file() && entry.path().filename() != kInUseLock) remove_blob(entry.path(), freed);
    }
  }
  return freed;
}

}  // namespace kiln::oci
