#include "machine/remote/escape.h"

#include <gtest/gtest.h>

namespace kiln::machine {
namespace {

struct EscapeCase {
  const char* name;
  const char* typed;
  const char* passed;
  bool left;
};

constexpr EscapeCase kCases[] = {
    {"Text", "ls\r", "ls\r", false},
    {"AtOnce", "~.", "", true},
    {"AfterALine", "ls\r~.more", "ls\r", true},
    {"AfterANewline", "ls\n~.", "ls\n", true},
    {"InsideALine", "a~.b", "a~.b", false},
    {"TwoTildes", "~~.", "~.", false},
    {"TildeAndOther", "~x~.", "~x~.", false},
    {"TildeAndReturn", "~\r~.", "~\r", true},
    {"ControlC", "\x03", "\x03", false},
};

TEST(EscapeKeys, InOnePieceAndByKey) {
  for (const EscapeCase& row : kCases) {
    EscapeKeys whole;
    EXPECT_EQ(whole.filter(row.typed), row.passed) << row.name;
    EXPECT_EQ(whole.left(), row.left) << row.name;
    EscapeKeys keys;
    std::string passed;
    for (const char* key = row.typed; *key != '\0'; ++key) passed += keys.filter({key, 1});
    EXPECT_EQ(passed, row.passed) << row.name;
    EXPECT_EQ(keys.left(), row.left) << row.name;
  }
}

}  // namespace
}  // namespace kiln::machine
