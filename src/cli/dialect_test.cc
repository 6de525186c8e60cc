#include "cli/dialect.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

namespace kiln::cli {
namespace {

using Words = std::vector<std::string>;

TEST(Dialect, IsChosenByTheProgramsName) {
  EXPECT_EQ(dialect_of("kiln").program, "kiln");
  EXPECT_EQ(dialect_of("/usr/bin/linuxkit").program, "linuxkit");
  EXPECT_EQ(dialect_of("./moby").program, "moby");
  EXPECT_EQ(dialect_of("kiln-0.1").program, "kiln");
  EXPECT_EQ(dialect_of("").program, "kiln");
}

struct WordsCase {
  const char* name;
  Words given, expected;
};

TEST(Dialect, OldWordsAreMadeNew) {
  const WordsCase kCases[] = {
      {"SingleDashes", {"build", "-name", "x", "-pull", "a.yml"}, {"build", "--name", "x", "--pull", "a.yml"}},
      {"WithEquals", {"build", "-name=x", "a.yml"}, {"build", "--name=x", "a.yml"}},
      {"Letters", {"-q", "-v", "build", "-o", "-", "a.yml"}, {"-q", "-v", "build", "-o", "-", "a.yml"}},
      {"LetterWithValue", {"build", "-o=x.tar", "a.yml"}, {"build", "-o=x.tar", "a.yml"}},
      {"Output", {"build", "-output", "tar", "a"}, {"build", "--format", "tar", "a"}},
      {"OutputWithEquals", {"build", "-output=tar", "a"}, {"build", "--format=tar", "a"}},
      {"ValuesBeforeTheVerb", {"-config", "d", "build", "a.yml"}, {"--config", "d", "build", "a.yml"}},
      {"NoVerb", {}, {"build", "--format", "bzimage+initrd", "moby.yaml"}},
      {"NoVerbButAFile", {"-name", "os", "os.yml"}, {"build", "--format", "bzimage+initrd", "--name", "os", "os.yml"}},
      {"NoVerbAndStandardInput", {"-"}, {"build", "--format", "bzimage+initrd", "-"}},
      {"Help", {"-help"}, {"--help"}},
      {"Version", {"version"}, {"version"}},
  };
  for (const WordsCase& c : kCases) EXPECT_EQ(modern_words(c.given), c.expected) << c.name;
}

TEST(Dialect, LinuxKitsWordsStay) {
  const Words words{"build", "-name", "x"};
  EXPECT_EQ(dialect_of("linuxkit").words(words), words);
}

TEST(Dialect, FailuresAreToldAsTheProgramDoes) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const auto when = std::chrono::system_clock::from_time_t(1'492'000'000);
  const Error error = Error{"no file ", quote("a\"b")}.with_hint("look");
  const auto text = [&](const char* program) { return dialect_of(program).error_text(error, Style{}, when); };
  EXPECT_EQ(text("kiln"), "error: no file 'a\"b'\nhint: look\n");
  EXPECT_EQ(text("linuxkit"),
            "Error: no file 'a\"b'\n2017/04/12 12:26:40 error during command execution: no file 'a\"b'\nhint: look\n");
  EXPECT_EQ(text("moby"), "time=\"2017-04-12T12:26:40Z\" level=fatal msg=\"no file 'a\\\"b'\"\nhint: look\n");
}

}  // namespace
}  // namespace kiln::cli
