#include "base/file.h"
#include "format/format.h"
#include "format/joined.h"

namespace kiln::format {
namespace {

void write_tree(build::Build& build, build::Build::TarKind kind, const std::filesystem::path& path,
                OutputSet& outputs) {
  AtomicFile* file = outputs.begin(path, build.tar_key(kind));
  if (file == nullptr) return;
  CountingSink counting{file->sink()};
  build.write_tar(kind, counting);
  outputs.end(counting.size());
}

}  // namespace

void write_tar(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  write_tree(build, build::Build::TarKind::plain, base.native() + ".tar", outputs);
}

void write_docker(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  write_tree(build, build::Build::TarKind::docker, base.native() + ".docker", outputs);
}

}  // namespace kiln::format
