#include "base/text.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

TEST(Text, Decimal) {
  EXPECT_EQ(parse_decimal("0"), 0U);
  EXPECT_EQ(parse_decimal("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", " 1", "1 ", "0x1", "18446744073709551616"})
    EXPECT_EQ(parse_decimal(bad), std::nullopt) << bad;
}

TEST(Text, Lines) {
  std::string_view rest = "a\n\nb";
  std::vector<std::string> lines;
  for (std::string_view line; take_line(rest, line);) lines.emplace_back(line);
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "", "b"}));
}

TEST(Text, Words) {
  EXPECT_EQ(words("  a\tb  c\n"), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_TRUE(words("  ").empty());
}

TEST(Text, PrintableEscapesWhatATerminalWouldObey) { EXPECT_EQ(printable("a\x1b[2J\n\xff"), "a\\033[2J\\012\\377"); }

TEST(Text, FormatGrows) { EXPECT_EQ(format("%s!", std::string(1000, 'x').c_str()), std::string(1000, 'x') + "!"); }

}  // namespace
}  // namespace guest
