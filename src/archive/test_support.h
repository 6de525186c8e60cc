#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "archive/tar_writer.h"
#include "base/file.h"
#include "base/stream.h"

// For the tests of this folder and of those that read layers.
namespace kiln::archive {

/// Returns at most `step` bytes from each read().
class ChunkedSource final : public Source {
 public:
  ChunkedSource(std::string_view data, std::size_t step) : from_{as_bytes(data)}, step_{step} {}
  std::size_t read(MutableBytes into) override { return from_.read(into.first(std::min(step_, into.size()))); }

 private:
  MemorySource from_;
  std::size_t step_;
};
inline constexpr std::size_t kSteps[] = {1, 511, 512, 513, 1 << 20};

inline void append_tar_entry(std::string& tar, TarHeader header, std::string_view content = {}) {
  header.size = content.size();
  append_tar_header(tar, header);
  tar += content;
  tar.append(tar_padding(content.size()), '\0');
}

/// Compares with the file, or rewrites it where UPDATE_GOLDEN is set (and skips the test then).
inline void expect_golden(const std::filesystem::path& path, const std::string& text) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    write_file(path, text);
    GTEST_SKIP() << path << " rewritten";
  }
  EXPECT_EQ(text, read_file(path)) << "of " << path;
}

}  // namespace kiln::archive
