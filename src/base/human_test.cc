#include "base/human.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

using namespace std::chrono_literals;

TEST(Human, Sizes) {
  const std::pair<std::uint64_t, const char*> kCases[] = {
      {0, "0 B"},
      {999, "999 B"},
      {1000, "1.0 kB"},
      {1234, "1.2 kB"},
      {99949, "99.9 kB"},
      {99951, "100 kB"},
      {999499, "999 kB"},
      {999501, "1.0 MB"},
      {471000000, "471 MB"},
      {1500000000, "1.5 GB"},
      {UINT64_MAX, "18.4 EB"},
  };
  for (const auto& [bytes, text] : kCases) EXPECT_EQ(human_size(bytes), text);
}

TEST(Human, Durations) {
  const std::pair<std::chrono::nanoseconds, const char*> kCases[] = {
      {0ns, "0.0 s"},          {340ms, "0.3 s"},     {59940ms, "59.9 s"},
      {59960ms, "1 min 00 s"}, {125s, "2 min 05 s"}, {3725s, "1 h 02 min"},
  };
  for (const auto& [duration, text] : kCases) EXPECT_EQ(human_duration(duration), text);
}

TEST(Human, PrintableReplacesWhatATerminalWouldObey) {
  const std::pair<std::string_view, const char*> kCases[] = {
      {"nginx:1.27", "nginx:1.27"},
      {"a\x1b[2Jb", "a?[2Jb"},
      {"é…", "é…"},
      {"\xc2\x9b"
       "31m",
       "??31m"},
      {"\xff\xfe", "??"},
      {"cut \xe2\x80", "cut ??"},
      {"\xc0\xaf", "??"},
      {"\xed\xa0\x80", "???"},
      {"tab\there", "tab?here"},
  };
  for (const auto& [text, shown] : kCases) EXPECT_EQ(printable(text), shown);
}

TEST(Human, FitsWidthByCodePoints) {
  EXPECT_EQ(text_width("é…x"), 3U);
  EXPECT_EQ(fit_width("abcdef", 6), "abcdef");
  EXPECT_EQ(fit_width("abcdef", 5), "abcd…");
  EXPECT_EQ(fit_width("ééé", 2), "é…");
  EXPECT_EQ(fit_width("abc", 1), "…");
  EXPECT_EQ(fit_width("abc", 0), "");
}

}  // namespace
}  // namespace kiln
