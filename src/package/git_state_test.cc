#include "package/git_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

class GitHash : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("git")) GTEST_SKIP() << "git is not installed";
    git({"init", "-q", "-b", "main"});
    put("pkg/a/build.yml", "image: a\n");
    put("pkg/a/file", "one\n");
    put("pkg/b/build.yml", "image: b\n");
    put("top", "x\n");
    commit();
  }
  std::string git(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"git", "-c", "user.name=t", "-c", "user.email=t@t.example"});
    std::string output = run_checked({std::move(arguments), {}, root().string(), {}});
    while (!output.empty() && output.back() == '\n') output.pop_back();
    return output;
  }
  void commit() {
    git({"add", "-A"});
    git({"commit", "-q", "-m", "x"});
  }
  void put(const std::string& name, std::string_view text) {
    make_directories((root() / name).parent_path());
    write_file(root() / name, text);
  }
  static std::string hash(const fs::path& directory, const std::vector<std::string>& extra_sources = {}) {
    const GitQuery query{directory, {}, extra_sources};
    return git_tree_hash(query) + git_dirty_suffix(query);
  }
  const fs::path& root() const { return directory_.path(); }
  fs::path a() const { return root() / "pkg/a"; }
  TempDir directory_;
};

TEST_F(GitHash, IsTheTreeOfTheDirectory) {
  EXPECT_EQ(hash(a()), git({"rev-parse", "HEAD:pkg/a"}));
  EXPECT_EQ(hash(root()), git({"rev-parse", "HEAD^{tree}"}));
}

TEST_F(GitHash, IsItsOwnForEachDirectory) {
  const std::string before = hash(a());
  put("pkg/b/build.yml", "image: b\nnetwork: true\n");
  EXPECT_EQ(hash(a()), before);
  EXPECT_NE(hash(root() / "pkg/b"), git({"rev-parse", "HEAD:pkg/b"}));
}

TEST_F(GitHash, TellsThatFilesAreChanged) {
  put("pkg/a/file", "two\n");
  // SHA-256 of "image: a\ntwo\n": contents in listing order, nothing else.
  EXPECT_EQ(hash(a()),
            concat(git({"rev-parse", "HEAD:pkg/a"}), "-dirty-", Sha256::of("image: a\ntwo\n").hex().substr(0, 7)));
}

TEST_F(GitHash, TellsThatFilesAreNew) {
  put("pkg/a/new", "three\n");
  EXPECT_EQ(hash(a()), concat(git({"rev-parse", "HEAD:pkg/a"}), "-dirty-",
                              Sha256::of("image: a\none\nthree\n").hex().substr(0, 7)));
  put(".gitignore", "new\n");
  EXPECT_EQ(hash(a()), git({"rev-parse", "HEAD:pkg/a"}));
}

TEST_F(GitHash, MixesExtraSources) {
  const std::string with = hash(a(), {"../b:b"});
  EXPECT_EQ(with.size(), 40U);
  EXPECT_NE(with, hash(a()));
  // sha1 of the two hashes as text; git hashes "blob N\0…", so ask sha1sum's algorithm through another tool.
  const std::string both = git({"rev-parse", "HEAD:pkg/a"}) + git({"rev-parse", "HEAD:pkg/b"});
  if (find_program("sha1sum")) {
    EXPECT_EQ(run_checked({{"sha1sum"}, {}, {}, both}).substr(0, 40), with);
  }
}

TEST_F(GitHash, RefusesWhatIsNotCommitted) {
  put("pkg/new/build.yml", "image: new\n");
  try {
    hash(root() / "pkg/new");
    FAIL() << "has a hash";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), concat("package ", quote((root() / "pkg/new").string()), " is not in git"));
  }
}

TEST_F(GitHash, NoticesChangedExtraSources) {
  const std::string clean = hash(a(), {"../b:b"});
  put("pkg/b/new", "x\n");
  EXPECT_EQ(hash(a()).size(), 40U);
  // The contents of the package, then of what is changed outside.
  EXPECT_EQ(hash(a(), {"../b:b"}), clean + "-dirty-" + Sha256::of("image: a\none\nimage: b\nx\n").hex().substr(0, 7));
}

TEST_F(GitHash, SaysWhichExtraSourceIsNotInGit) {
  try {
    hash(a(), {"../../../nosuch:b"});
    FAIL() << "has a hash";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "extra-sources '../../../nosuch:b': it is not in a git repository");
  }
}

TEST_F(GitHash, IsOfTheCommitAskedFor) {
  const std::string before = git({"rev-parse", "HEAD:pkg/a"});
  put("pkg/a/file", "two\n");
  commit();
  put("pkg/a/file", "three\n");
  EXPECT_EQ(git_tree_hash({a(), {}, {}, "HEAD~1"}), before);
  EXPECT_EQ(git_dirty_suffix({a(), {}, {}, "HEAD~1"}), "");
  EXPECT_EQ(git_tree_hash({a(), {}, {}, "HEAD"}), git({"rev-parse", "HEAD:pkg/a"}));
}

TEST_F(GitHash, IsOfTheHashPath) {
  EXPECT_EQ(git_tree_hash({a(), root() / "pkg", {}}), git({"rev-parse", "HEAD:pkg"}));
  put("pkg/b/file", "x\n");
  EXPECT_NE(git_dirty_suffix({a(), root() / "pkg", {}}), "");
  EXPECT_EQ(git_dirty_suffix({a(), {}, {}}), "");
}

TEST_F(GitHash, CanBeForcedToBeDirty) {
  EXPECT_EQ(git_dirty_suffix({a(), {}, {}}, true), "-dirty-" + Sha256::of("image: a\none\n").hex().substr(0, 7));
}

TEST_F(GitHash, KnowsHeadAndItsTags) {
  EXPECT_EQ(git_head(a()), git({"rev-parse", "HEAD"}));
  EXPECT_THAT(git_head_tags(a()), testing::IsEmpty());
  git({"tag", "v2"});
  git({"tag", "v1"});
  EXPECT_THAT(git_head_tags(a()), testing::ElementsAre("v1", "v2"));
}

TEST_F(GitHash, MakesGosPseudoVersion) {
  put("pkg/a/file", "two\n");
  git({"add", "-A"});
  run_checked({{"git", "-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-q", "-m", "x"},
               {{"GIT_COMMITTER_DATE", "2026-01-02T03:04:05+0200"}},
               root().string(),
               {}});
  EXPECT_EQ(go_pseudo_version(a(), git_head(a())), "v0.0.0-20260102010405-" + git({"rev-parse", "HEAD"}).substr(0, 12));
}

TEST(Git, IsNotEverywhere) {
  const TempDir directory;
  EXPECT_FALSE(in_git(directory.path()));
  EXPECT_EQ(git_head(directory.path()), "");
  EXPECT_EQ(go_pseudo_version(directory.path(), git_head(directory.path())), "");
}

}  // namespace
}  // namespace kiln::package
