#include "archive/initramfs.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "archive/test_support.h"
#include "base/child_process.h"
#include "base/error.h"

namespace kiln::archive {
namespace {

using namespace std::string_literals;

/// One newc entry.
std::string entry(const std::string& name, const std::string& content) {
  char header[111];
  std::snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1U, 0100644U, 0U,
                0U, 1U, 0U, static_cast<unsigned>(content.size()), 0U, 0U, 0U, 0U,
                static_cast<unsigned>(name.size() + 1), 0U);
  std::string out = header + name + '\0';
  out.resize((out.size() + 3) / 4 * 4);
  out += content;
  out.resize((out.size() + 3) / 4 * 4);
  return out;
}

std::string packed(const char* program, const std::string& text) {
  return run_checked({.arguments = {program, "-c"}, .environment = {}, .directory = {}, .input = text});
}

std::string unpacked(const std::string& initramfs, std::size_t step) {
  ChunkedSource source{initramfs, step};
  const std::unique_ptr<Source> plain = unpack_initramfs(source, "initramfs");
  std::string out;
  std::vector<std::byte> buffer(step);
  while (const std::size_t got = plain->read(buffer)) out += as_text(Bytes{buffer}.first(got));
  return out;
}

struct InitramfsCase {
  const char* name;
  std::string initramfs, plain;
};

std::vector<InitramfsCase> good_cases() {
  const std::string a = entry("a", "the content of a");
  const std::string b = entry("dir/b", std::string(100'000, 'b'));
  const std::string c = entry("c", "");
  const std::string end = entry("TRAILER!!!", "");
  return {
      {"Nothing", "", ""},
      {"Zeros", std::string(512, '\0'), ""},
      {"Plain", a + b + end + std::string(512, '\0'), a + b + end},
      {"Gzip", packed("gzip", a + b), a + b},
      {"ZstdFramesWithPadding", packed("zstd", a) + "\0\0\0"s + packed("zstd", b) + packed("zstd", c), a + b + c},
      {"MicrocodeThenGzipThenZstdThenPlain",
       a + end + std::string(300, '\0') + packed("gzip", b) + "\0"s + packed("zstd", c) + "\0\0"s + a,
       a + end + b + c + a},
      {"XzAtTheEnd", a + packed("xz", b), a + b},
      {"OddSizes", packed("gzip", "abc") + packed("zstd", "defgh"), "abc\0defgh\0\0\0"s},
  };
}

class Initramfs : public testing::TestWithParam<InitramfsCase> {};

TEST_P(Initramfs, Unpacks) {
  for (const std::size_t step : kSteps) EXPECT_EQ(unpacked(GetParam().initramfs, step), GetParam().plain) << step;
}

INSTANTIATE_TEST_SUITE_P(All, Initramfs, testing::ValuesIn(good_cases()),
                         [](const auto& row) { return row.param.name; });

TEST(Initramfs, RefusesWhatTheKernelWould) {
  const std::string a = entry("a", "content");
  std::string bad_size = a;
  bad_size[6 + 6 * 8] = 'x';
  const std::pair<std::string, std::string> cases[] = {
      {a + "junk", "initramfs: at byte 120 there is neither a newc archive nor one compressed with gzip, zstd or xz"},
      {a.substr(0, 100), "initramfs: newc stream is cut off at byte 0"},
      {a.substr(0, 116), "initramfs: newc stream is cut off at byte 116"},
      {bad_size, "initramfs: newc stream is damaged at byte 0: a size in a header is not hexadecimal"},
      {a + packed("gzip", a).substr(0, 30), "initramfs: gzip stream is cut off at byte 150"},
  };
  for (const auto& [initramfs, message] : cases) {
    try {
      unpacked(initramfs, 4096);
      ADD_FAILURE() << "accepted: " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), message);
    }
  }
}

}  // namespace
}  // namespace kiln::archive
