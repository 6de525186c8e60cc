#include "build/root_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "build/path_order.h"

namespace kiln::build {
namespace {

using testing::ElementsAre;
using tree::Kind;

struct Line {
  std::uint32_t part;
  const char* path;
  Kind kind;
  std::uint32_t mode;  // stands for "whose": kept in Entry::entry
  const char* target = "";
};

constexpr Kind D = Kind::directory, F = Kind::regular, L = Kind::symlink;

/// The parts' items with their parents, resolved, as "PART PATH KIND WHOSE".
std::vector<std::string> resolved(const std::vector<Line>& lines) {
  std::deque<std::string> strings;
  std::vector<RootItem> all;
  std::uint32_t parts = 0;
  for (const Line& line : lines) parts = std::max(parts, line.part + 1);
  Entry implied;
  implied.kind = Kind::directory;
  implied.entry = 99;
  for (std::uint32_t part = 0; part < parts; ++part) {
    std::vector<RootItem> items;
    for (const Line& line : lines) {
      if (line.part != part) continue;
      Entry entry;
      entry.path = line.path;
      entry.kind = line.kind;
      entry.entry = line.mode;
      items.push_back({line.path, part, entry, false, line.target});
    }
    std::stable_sort(items.begin(), items.end(), [](auto& a, auto& b) { return path_less(a.path, b.path); });
    items = with_parents(std::move(items), implied);
    all.insert(all.end(), items.begin(), items.end());
  }
  std::vector<std::string> out;
  for (const RootItem& item : resolve_root(std::move(all), strings)) {
    EXPECT_EQ(item.entry.full_path(), item.path);
    out.push_back(concat(item.part, " ", item.path,
                         item.entry.kind == D   ? " dir "
                         : item.entry.kind == L ? " link "
                                                : " file ",
                         item.entry.entry));
  }
  return out;
}

TEST(PathOrder, DirectoriesPrecedeTheirContentAndStayTogether) {
  EXPECT_TRUE(path_less("a", "a/b"));
  EXPECT_TRUE(path_less("a/b", "a-b"));
  EXPECT_TRUE(path_less("a/z", "a.b"));
  EXPECT_FALSE(path_less("a", "a"));
  EXPECT_TRUE(path_less("a", "b"));
  EXPECT_TRUE(path_less("a", "\xff"));
}

TEST(RootTree, LaterPartWinsAPath) {
  EXPECT_THAT(resolved({{0, "a", F, 1}, {1, "a", F, 2}}), ElementsAre("1 a file 2"));
}

TEST(RootTree, MissingParentsAreAddedOnce) {
  EXPECT_THAT(
      resolved({{0, "a/b/c", F, 1}, {0, "a/b/d", F, 2}, {0, "a/e/f", F, 3}}),
      ElementsAre("0 a dir 99", "0 a/b dir 99", "0 a/b/c file 1", "0 a/b/d file 2", "0 a/e dir 99", "0 a/e/f file 3"));
}

TEST(RootTree, DirectoryStandsWhereFirstNeededWithTheLastDescription) {
  EXPECT_THAT(resolved({{0, "d", D, 1}, {0, "d/x", F, 2}, {1, "d", D, 3}, {2, "d/y", F, 4}}),
              ElementsAre("0 d dir 3", "0 d/x file 2", "2 d/y file 4"));
}

TEST(RootTree, FileOverDirectoryRemovesItsContent) {
  EXPECT_THAT(resolved({{0, "d/x", F, 1}, {1, "d", F, 2}}), ElementsAre("1 d file 2"));
}

TEST(RootTree, DirectoryOverFileKeepsOnlyWhatCameLater) {
  EXPECT_THAT(resolved({{0, "d/x", F, 1}, {1, "d", F, 2}, {2, "d/y", F, 3}}),
              ElementsAre("2 d dir 99", "2 d/y file 3"));
}

TEST(RootTree, FilesGoWhereASymlinkedDirectoryPointsWhicheverCameFirst) {
  const auto expected = ElementsAre("0 usr dir 99", "0 usr/lib dir 99", "0 usr/lib/modules dir 7",
                                    "0 usr/lib/modules/m file 1", "1 lib link 2", "1 usr/lib/x file 3");
  EXPECT_THAT(resolved({{0, "lib/modules", D, 7},
                        {0, "lib/modules/m", F, 1},
                        {0, "usr/lib", D, 99},
                        {1, "lib", L, 2, "usr/lib"},
                        {1, "usr/lib/x", F, 3}}),
              expected);
}

TEST(RootTree, WhatASymlinkMovesHasItsParentsInItsOwnPart) {
  EXPECT_THAT(resolved({{0, "lib/modules/m", F, 1}, {1, "lib", L, 2, "usr/lib"}, {1, "usr/lib", D, 3}}),
              ElementsAre("0 usr dir 99", "0 usr/lib dir 3", "0 usr/lib/modules dir 99", "0 usr/lib/modules/m file 1",
                          "1 lib link 2"));
}

TEST(RootTree, LaterDirectoryDoesNotReplaceASymlinkToADirectory) {
  EXPECT_THAT(resolved({{0, "lib", L, 1, "/usr/lib"}, {0, "usr/lib", D, 2}, {1, "lib", D, 3}, {1, "lib/x", F, 4}}),
              ElementsAre("0 lib link 1", "0 usr dir 99", "0 usr/lib dir 2", "1 usr/lib/x file 4"));
}

TEST(RootTree, SymlinkCycleWithContentIsAnError) {
  EXPECT_THAT([] { resolved({{0, "a", L, 1, "b"}, {0, "b", L, 2, "a"}, {1, "a/x", F, 3}}); }, testing::Throws<Error>());
}

}  // namespace
}  // namespace kiln::build
