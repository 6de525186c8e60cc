#include "cli/yaml_input.h"

#include <gtest/gtest.h>

namespace kiln::cli {
namespace {

TEST(DefaultName, IsThatOfTheLastInput) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{"os.yml"}, "os"},
      {{"a.yml", "dir/web.prod.yaml"}, "web.prod"},
      {{"a.yml", "-"}, "moby"},
      {{"plain"}, "plain"},
      {{"http://example.org/x/os.yml"}, "os"},
      {{"https://example.org/os.yml?token=a/b.c#top"}, "os"},
      {{"http://example.org/"}, "moby"},
      {{"http://example.org"}, "moby"},
  };
  for (const auto& [words, name] : kCases) EXPECT_EQ(default_name(words), name) << words.back();
}

}  // namespace
}  // namespace kiln::cli
