#pragma once

#include <memory>

#include "archive/frame_points.h"
#include "base/stream.h"

namespace kiln::archive {

enum class Compression { none, gzip, zstd, xz, lz4 };

/// What the first bytes say (magic numbers); `none` when nothing matches. Needs 6 bytes to be sure.
Compression detect_compression(Bytes head);

/// The uncompressed form of a source, recognised by its first bytes: gzip (all members, ISA-L), zstd (all frames), xz,
/// or as it is. `name` is what errors call it: "layer sha256:…: gzip stream is damaged at byte N: …". Truncation is an
/// error, as are bytes after the end that are neither zeros nor another member. `from` must outlive it, as must
/// `points`, which is told where the stream can be entered as far as it has been read.
std::unique_ptr<Source> decompress(Source& from, const std::string& name, FramePoints* points = nullptr);

}  // namespace kiln::archive
