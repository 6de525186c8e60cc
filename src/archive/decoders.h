#pragma once

#include <memory>

#include "archive/compressed_input.h"
#include "archive/frame_points.h"

// One decoder per format, each in the one file that knows its library; decompress() chooses among them. `points`, if
// given, is told where frames begin.
namespace kiln::archive {

std::unique_ptr<Source> make_gzip_decoder(std::shared_ptr<CompressedInput> input, FramePoints* points);
std::unique_ptr<Source> make_zstd_decoder(std::shared_ptr<CompressedInput> input, FramePoints* points);
std::unique_ptr<Source> make_xz_decoder(std::shared_ptr<CompressedInput> input);

}  // namespace kiln::archive
