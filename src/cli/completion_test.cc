#include "cli/completion.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace kiln::cli {
namespace {

/// A program of two verbs, one with verbs below it.
class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    program.add_option("--cache", text, "Directory");
    program.add_flag("-q,--quiet", flag, "Say less");
    CLI::App* build = program.add_subcommand("build", "Build it");
    build->add_option("FILE", text);
    build->add_option("-n,--name", text, "Its name\nmore");
    build->add_flag("--hidden", flag)->group("");
    CLI::App* cache = program.add_subcommand("cache", "Images");
    cache->add_subcommand("ls", "List");
    cache->add_subcommand("rm", "Remove");
  }

  std::vector<std::string> words(const std::vector<std::string>& given) const {
    std::vector<std::string> out;
    for (const Candidate& candidate : complete(program, given)) out.push_back(candidate.word);
    return out;
  }

  CLI::App program{"", "tool"};
  std::string text;
  bool flag = false;
};

struct CompletionCase {
  const char* name;
  std::vector<std::string> given, expected;
};

TEST_F(CompletionTest, OffersWhatMayFollow) {
  const CompletionCase kCases[] = {
      {"Nothing", {}, {}},
      {"Verbs", {""}, {"build", "cache"}},
      {"BeginningOfAVerb", {"b"}, {"build"}},
      {"VerbsOfAVerb", {"cache", ""}, {"ls", "rm"}},
      {"AfterAnOption", {"-q", "cache", "r"}, {"rm"}},
      {"AfterAnOptionWithAValue", {"--cache", "build", "cache", ""}, {"ls", "rm"}},
      {"AfterAnOptionWithEquals", {"--cache=build", "cache", ""}, {"ls", "rm"}},
      {"TheValueOfAnOption", {"build", "-n", ""}, {}},
      {"TheValueOfAnOptionOfTheProgram", {"build", "--cache", "ca"}, {}},
      {"Options", {"build", "--"}, {"--help", "--name", "--cache", "--quiet"}},
      {"BeginningOfAnOption", {"build", "--n"}, {"--name"}},
      {"OptionsAfterArguments", {"build", "os.yml", "--q"}, {"--quiet"}},
      {"Arguments", {"build", "os"}, {}},
      {"NoVerbAfterArguments", {"os", ""}, {}},
  };
  for (const CompletionCase& c : kCases) EXPECT_EQ(words(c.given), c.expected) << c.name;
}

TEST_F(CompletionTest, LinesAreOneEach) {
  EXPECT_EQ(completion_lines(complete(program, {"build", "--na"})), "--name\tIts name\n");
}

TEST_F(CompletionTest, ScriptsNameTheProgram) {
  for (const char* shell : {"bash", "zsh", "fish", "powershell"}) {
    const std::string script = completion_script(shell, "linuxkit");
    EXPECT_NE(script.find("linuxkit"), std::string::npos) << shell;
    EXPECT_NE(script.find("__complete"), std::string::npos) << shell;
    EXPECT_EQ(script.find("PROGRAM"), std::string::npos) << shell;
  }
  EXPECT_THROW(completion_script("tcsh", "kiln"), Error);
}

}  // namespace
}  // namespace kiln::cli
