#include "metadata/user_data.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

using Strings = std::vector<std::string>;

TEST(UserData, FilesAndDirectories) {
  std::vector<PlannedEntry> entries;
  Strings problems;
  EXPECT_TRUE(plan_user_data(R"({"ssh": {"entries": {"sshd_config": {"perm": "0600", "content": "x\n"}}},
                                 "empty": {"entries": {}, "perm": "700"}, "plain": {"content": ""}})",
                             entries, problems));
  EXPECT_EQ(problems, Strings{});
  EXPECT_EQ(entries, (std::vector<PlannedEntry>{{"ssh", true, 0755, ""},
                                                {"ssh/sshd_config", false, 0600, "x\n"},
                                                {"empty", true, 0700, ""},
                                                {"plain", false, 0644, ""}}));
}

TEST(UserData, OtherTextIsFine) {
  std::vector<PlannedEntry> entries;
  Strings problems;
  for (const char* text : {"", "#!/bin/sh\n", "#cloud-config\n", "[1]", "{\"a\": {\"content\": \"x\"}"}) {
    EXPECT_FALSE(plan_user_data(text, entries, problems)) << text;
    EXPECT_TRUE(entries.empty() && problems.empty()) << text;
  }
}

TEST(UserData, SaysWhatIsWrongAndGoesOn) {
  struct Case {
    const char* text;
    const char* problem;
  };
  constexpr Case kCases[] = {
      {R"({"..": {"content": "x"}})", "'..': expected the name of one file, without '/'"},
      {R"({"../x": {"content": "x"}})", "'../x': expected the name of one file, without '/'"},
      {R"({"/etc/passwd": {"content": "x"}})", "'/etc/passwd': expected the name of one file, without '/'"},
      {R"({"": {"content": "x"}})", "'': expected the name of one file, without '/'"},
      {R"({"d": {"entries": {"..": {"content": "x"}}}})", "'d/..': expected the name of one file, without '/'"},
      {R"({"a": "x"})", "'a': expected an object with \"content\" or \"entries\""},
      {R"({"a": {}})", "'a': expected either \"content\" or \"entries\""},
      {R"({"a": {"content": "x", "entries": {}}})", "'a': expected either \"content\" or \"entries\""},
      {R"({"a": {"content": 1}})", "'a': expected \"content\" to be text, \"entries\" an object"},
      {R"({"a": {"entries": []}})", "'a': expected \"content\" to be text, \"entries\" an object"},
      {R"({"a": {"content": "x", "perm": "4755"}})", "'a': \"perm\" is '4755': expected octal digits up to 0777"},
      {R"({"a": {"content": "x", "perm": "rw"}})", "'a': \"perm\" is 'rw': expected octal digits up to 0777"},
  };
  for (const Case& row : kCases) {
    std::vector<PlannedEntry> entries;
    Strings problems;
    EXPECT_TRUE(plan_user_data(row.text, entries, problems));
    EXPECT_EQ(problems, Strings{row.problem});
  }
  std::vector<PlannedEntry> entries;
  Strings problems;
  plan_user_data(R"({"../x": {"content": "x"}, "good": {"content": "x"}})", entries, problems);
  EXPECT_EQ(entries, (std::vector<PlannedEntry>{{"good", false, 0644, "x"}}));
}

}  // namespace
}  // namespace guest
