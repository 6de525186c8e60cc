#pragma once

#include <memory>
#include <string>

#include "base/stream.h"

namespace kiln::archive {

/// What Linux unpacks an initramfs to, as one stream of newc archives: the parts of an initramfs, each plain or
/// compressed on its own, uncompressed and each padded to 4 bytes (Linux "initramfs buffer format"). `name` is what
/// errors call it. Throws Error for a part that is neither newc nor gzip, zstd or xz; what the archives hold is not
/// looked at. `from` must outlive it.
std::unique_ptr<Source> unpack_initramfs(Source& from, const std::string& name);

}  // namespace kiln::archive
