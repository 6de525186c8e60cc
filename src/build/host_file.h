#pragma once

#include "base/stream.h"
#include "build/resolve.h"

namespace kiln::build {

/// Writes a file of this host that `files:` names. Throws Error if it is no longer what was hashed when the build
/// began; what was written then is to be discarded.
void copy_host_file(const HostFile& file, Sink& out);

}  // namespace kiln::build
