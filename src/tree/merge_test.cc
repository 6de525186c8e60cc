#include "tree/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tree/test_layers.h"

namespace kiln::tree {
namespace {

// Digests of the contents used: a ca978112, b 3e23e816, c 2e7d2c03, nothing e3b0c442.
struct MergeCase {
  const char* name;
  std::vector<std::vector<std::string>> layers;
  const char* tree;
};

const MergeCase kCases[] = {
    {"NoLayers", {}, ""},
    {"OneLayerIsSortedByComponents",
     {{"d ./", "f b-c a", "d b", "f b/z a", "f b/a a", "f b.c a", "f a a"}},
     "0 d .\n0 f a ca978112\n0 d b\n0 f b/a ca978112\n0 f b/z ca978112\n0 f b-c ca978112\n0 f b.c ca978112\n"},
    {"DirectoriesThatNobodyListsAreNotAdded", {{"f a/b/c a"}}, "0 f a/b/c ca978112\n"},
    {"LaterLayerReplacesFile", {{"f x a"}, {"f x b"}}, "1 f x 3e23e816\n"},
    {"DirectoryOverDirectoryKeepsWhatIsBelow", {{"d x", "f x/y a"}, {"d x"}}, "1 d x\n0 f x/y ca978112\n"},
    {"FileOverDirectoryRemovesWhatIsBelow", {{"d x", "f x/y a"}, {"f x b"}}, "1 f x 3e23e816\n"},
    {"SymlinkOverDirectoryRemovesWhatIsBelow", {{"d x", "f x/y a"}, {"l x elsewhere"}}, "1 l x elsewhere\n"},
    {"DirectoryOverFile", {{"f x a"}, {"d x", "f x/y b"}}, "1 d x\n1 f x/y 3e23e816\n"},
    {"ImpliedDirectoryOverFile", {{"f x a"}, {"f x/y b"}}, "1 f x/y 3e23e816\n"},
    {"DirectoryThatWasAFileInBetween", {{"d x", "f x/y a"}, {"f x b"}, {"d x"}}, "2 d x\n"},
    {"FileThatGaveWayStaysGone", {{"f x a"}, {"f x/y b"}, {"f x/.wh.y"}}, ""},

    {"Whiteout", {{"f x a", "f y a"}, {"f .wh.x"}}, "0 f y ca978112\n"},
    {"WhiteoutOfDirectory", {{"d x", "f x/y a", "f x-z a"}, {"f .wh.x"}}, "0 f x-z ca978112\n"},
    {"WhiteoutOfImpliedDirectory", {{"f x/y a"}, {"f .wh.x"}}, ""},
    {"WhiteoutIsAboutLowerLayersOnly", {{"f x a"}, {"f x b", "f .wh.x"}}, "1 f x 3e23e816\n"},
    {"WhiteoutBeforeItsNewFile", {{"f x a"}, {"f .wh.x", "f x b"}}, "1 f x 3e23e816\n"},
    {"WhiteoutOfDirectoryThatIsMadeAgain",
     {{"d x", "f x/y a"}, {"f .wh.x", "d x", "f x/z b"}},
     "1 d x\n1 f x/z 3e23e816\n"},
    {"WhiteoutThenLaterLayer", {{"f x a"}, {"f .wh.x"}, {"f x c"}}, "2 f x 2e7d2c03\n"},
    {"WhiteoutOfNothing", {{"f x a"}, {"f .wh.gone", "f no/.wh.thing"}}, "0 f x ca978112\n"},
    {"WhiteoutMakesNoDirectory", {{"f x a"}, {"f x/.wh.y"}}, "0 f x ca978112\n"},

    {"Opaque",
     {{"d x", "f x/y a", "f z a"}, {"d x", "f x/.wh..wh..opq", "f x/new b"}},
     "1 d x\n1 f x/new 3e23e816\n0 f z ca978112\n"},
    {"OpaqueAfterItsFiles", {{"f x/y a"}, {"f x/new b", "f x/.wh..wh..opq"}}, "1 f x/new 3e23e816\n"},
    {"OpaqueDirectoryNotListed", {{"d x", "f x/y a"}, {"f x/.wh..wh..opq"}}, "0 d x\n"},
    {"OpaqueIsDeep", {{"f x/a/b/c a"}, {"f x/.wh..wh..opq"}}, ""},
    {"OpaqueRoot", {{"d ./", "f x a", "d d", "f d/y a"}, {"f .wh..wh..opq", "f z b"}}, "0 d .\n1 f z 3e23e816\n"},

    {"LastDuplicateInALayerWins", {{"f x a", "f x b", "f x c"}}, "0 f x 2e7d2c03\n"},
    {"DuplicateDirectoryKeepsWhatIsBelow", {{"d x", "f x/y a", "d x"}}, "0 d x\n0 f x/y ca978112\n"},
    {"FileAfterDirectoryInALayer", {{"d x", "f x/y a", "f x b"}}, "0 f x 3e23e816\n"},

    {"HardLink", {{"f x a", "h y x"}}, "0 f x ca978112 =0\n0 f y ca978112 =0\n"},
    {"HardLinkIntoLowerLayer", {{"f x a"}, {"h y x"}}, "0 f x ca978112 =0\n1 f y ca978112 =0\n"},
    {"HardLinkOutlivesItsTarget", {{"f x a", "h y x"}, {"f .wh.x"}}, "0 f y ca978112\n"},
    {"HardLinkKeepsTheOldContent", {{"f x a", "h y x"}, {"f x b"}}, "1 f x 3e23e816\n0 f y ca978112\n"},
    {"HardLinkKeepsTheOldContentOfADuplicate", {{"f x a", "h y x", "f x b"}}, "0 f x 3e23e816\n0 f y ca978112\n"},
    {"HardLinksStayTogetherWithoutTheirTarget",
     {{"f x a", "h y x", "h z x"}, {"f .wh.x"}},
     "0 f y ca978112 =0\n0 f z ca978112 =0\n"},
    {"HardLinkChain", {{"f x a", "h y x", "h z y"}, {"f .wh.y"}}, "0 f x ca978112 =0\n0 f z ca978112 =0\n"},
    {"HardLinkToSymlink", {{"l x where", "h y x"}}, "0 l x where =0\n0 l y where =0\n"},
    {"HardLinkToItself", {{"f x a"}, {"h x x"}}, "1 f x ca978112\n"},
    {"HardLinkThroughSymlink",
     {{"d real", "f real/x a", "l dir real"}, {"h y dir/x"}},
     "0 l dir real\n0 d real\n0 f real/x ca978112 =0\n1 f y ca978112 =0\n"},
    {"HardLinkIntoAufsPlumbing",
     {{"f .wh..wh.plnk/12.34 a", "h x .wh..wh.plnk/12.34", "f .wh..wh.aufs"}},
     "0 f x ca978112\n"},
    {"BrokenHardLinkThatIsGone", {{"f x a"}, {"h y z"}, {"f .wh.y"}}, "0 f x ca978112\n"},

    {"SymlinkedDirectory",
     {{"d usr/lib", "l lib usr/lib"}, {"f lib/x a", "d lib/d"}},
     "0 l lib usr/lib\n0 d usr/lib\n1 d usr/lib/d\n1 f usr/lib/x ca978112\n"},
    {"SymlinkedDirectoryInTheSameLayer", {{"l lib usr/lib", "f lib/x a"}}, "0 l lib usr/lib\n0 f usr/lib/x ca978112\n"},
    {"SymlinkedDirectoryReplacedByARealOne",
     {{"l lib usr/lib"}, {"d lib", "f lib/x a"}},
     "1 d lib\n1 f lib/x ca978112\n"},
    {"SymlinkedDirectoryReplaces",
     {{"f usr/lib/x a", "l lib /usr/lib"}, {"f lib/x b"}},
     "0 l lib /usr/lib\n1 f usr/lib/x 3e23e816\n"},
    {"WhiteoutThroughSymlink",
     {{"f usr/lib/x a", "f usr/lib/y a", "l lib usr/lib"}, {"f lib/.wh.x"}},
     "0 l lib usr/lib\n0 f usr/lib/y ca978112\n"},
    {"SymlinkOutOfTheRootStaysInIt",
     {{"l a/up ../../../tmp"}, {"f a/up/x a"}},
     "0 l a/up ../../../tmp\n1 f tmp/x ca978112\n"},
    {"SymlinkThroughSymlink", {{"l a b", "l b c/d"}, {"f a/x a"}}, "0 l a b\n0 l b c/d\n1 f c/d/x ca978112\n"},
};

TEST(Merge, FollowsTheImageSpec) {
  for (const MergeCase& c : kCases) {
    const Layers layers{c.layers};
    const auto pointers = layers.pointers();
    EXPECT_EQ(dump(merge(pointers), pointers), c.tree) << c.name;
  }
}

struct BadCase {
  const char* name;
  std::vector<std::vector<std::string>> layers;
  const char* message;
};

const BadCase kBad[] = {
    {"NoTarget",
     {{"f x a"}, {"h y z"}},
     "layer 2 of 2: 'y': the target 'z' of this hard link is not in this layer before it, nor in those below"},
    {"TargetComesLater",
     {{"h y x", "f x a"}},
     "layer 1 of 1: 'y': the target 'x' of this hard link is not in this layer before it, nor in those below"},
    {"TargetWhitedOutBefore",
     {{"f x a"}, {"f .wh.x"}, {"h y x"}},
     "layer 3 of 3: 'y': the target 'x' of this hard link is not in this layer before it, nor in those below"},
    {"TargetBelowOpaqueDirectory",
     {{"f d/x a"}, {"f d/.wh..wh..opq"}, {"h y d/x"}},
     "layer 3 of 3: 'y': the target 'd/x' of this hard link is not in this layer before it, nor in those below"},
    {"TargetBelowAFile",
     {{"f d/x a"}, {"f d a"}, {"h y d/x"}},
     "layer 3 of 3: 'y': the target 'd/x' of this hard link is not in this layer before it, nor in those below"},
    {"TargetIsADirectory", {{"d x", "h y x"}}, "layer 1 of 1: 'y': the target 'x' of this hard link is a directory"},
    {"LinkToABrokenLink",
     {{"f z a"}, {"h y gone"}, {"h x y", "f .wh.y"}},
     "layer 3 of 3: 'x': the target 'y' of this hard link is not in this layer before it, nor in those below"},
    {"SymlinkLoop",
     {{"l a b", "l b a"}, {"f a/x a"}},
     "layers: too many levels of symbolic links among the directories they write to"},
};

TEST(Merge, RefusesWhatCouldNotBeUnpacked) {
  for (const BadCase& c : kBad) {
    const Layers layers{c.layers};
    const auto pointers = layers.pointers();
    EXPECT_THAT([&] { merge(pointers); }, testing::ThrowsMessage<Error>(c.message)) << c.name;
  }
}

TEST(Merge, NodesStayValidWhenPathsWereRewritten) {
  const Layers layers{{{"l lib usr/lib"}, {"f lib/x a"}}};
  const auto pointers = layers.pointers();
  const std::vector<Node> first = merge(pointers), second = merge(pointers);
  EXPECT_EQ(first[1].path, "usr/lib/x");
  EXPECT_EQ(first[1].path.data(), second[1].path.data()) << "kept twice";
}

}  // namespace
}  // namespace kiln::tree
