#include "build/host_file.h"

#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

namespace kiln::build {

void copy_host_file(const HostFile& file, Sink& out) {
  UniqueFd fd = open_file(file.path);
  FdSource source{fd.get(), file.path};
  Sha256Hasher hasher;
  std::vector<std::byte> buffer(128 * 1024);
  std::uint64_t size = 0;
  while (const std::size_t got = source.read(buffer)) {
    size += got;
    if (size > file.size) break;
    hasher.update(Bytes{buffer}.first(got));
    out.write(Bytes{buffer}.first(got));
  }
  if (size != file.size || hasher.finish() != file.content) {
    throw Error{"file ", quote(file.path), " changed while it was read"}.with_hint("build again");
  }
}

}  // namespace kiln::build
