#include "package/content_hash.h"

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
  const fs::path& root() const { return directory_.path(); }
  fs::path a() const { return root() / "pkg/a"; }
  TempDir directory_;
};

TEST_F(GitHash, IsTheTreeOfTheDirectory) {
  EXPECT_EQ(git_tree_hash(a(), {}), git({"rev-parse", "HEAD:pkg/a"}));
  EXPECT_EQ(git_tree_hash(root(), {}), git({"rev-parse", "HEAD^{tree}"}));
}

TEST_F(GitHash, IsItsOwnForEachDirectory) {
  const std::string before = git_tree_hash(a(), {});
  put("pkg/b/build.yml", "image: b\nnetwork: true\n");
  EXPECT_EQ(git_tree_hash(a(), {}), before);
  EXPECT_NE(git_tree_hash(root() / "pkg/b", {}), git({"rev-parse", "HEAD:pkg/b"}));
}

TEST_F(GitHash, TellsThatFilesAreChanged) {
  put("pkg/a/file", "two\n");
  // SHA-256 of "image: a\ntwo\n": contents in listing order, nothing else.
  EXPECT_EQ(git_tree_hash(a(), {}),
            concat(git({"rev-parse", "HEAD:pkg/a"}), "-dirty-", Sha256::of("image: a\ntwo\n").hex().substr(0, 7)));
}

TEST_F(GitHash, TellsThatFilesAreNew) {
  put("pkg/a/new", "three\n");
  EXPECT_EQ(git_tree_hash(a(), {}), concat(git({"rev-parse", "HEAD:pkg/a"}), "-dirty-",
                                           Sha256::of("image: a\none\nthree\n").hex().substr(0, 7)));
  put(".gitignore", "new\n");
  EXPECT_EQ(git_tree_hash(a(), {}), git({"rev-parse", "HEAD:pkg/a"}));
}

TEST_F(GitHash, MixesExtraSources) {
  const std::string with = git_tree_hash(a(), {"../b:b"});
  EXPECT_EQ(with.size(), 40U);
  EXPECT_NE(with, git_tree_hash(a(), {}));
  // sha1 of the two hashes as text; git hashes "blob N\0…", so ask sha1sum's algorithm through another tool.
  const std::string both = git({"rev-parse", "HEAD:pkg/a"}) + git({"rev-parse", "HEAD:pkg/b"});
  if (find_program("sha1sum")) {
    EXPECT_EQ(run_checked({{"sha1sum"}, {}, {}, both}).substr(0, 40), with);
  }
}

TEST_F(GitHash, RefusesWhatIsNotCommitted) {
  put("pkg/new/build.yml", "image: new\n");
  try {
    git_tree_hash(root() / "pkg/new", {});
    FAIL() << "has a hash";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), concat("package ", quote((root() / "pkg/new").string()), " is not in git"));
  }
}

TEST_F(GitHash, KnowsTheCommitOfACleanTree) {
  EXPECT_EQ(clean_commit(a()), git({"rev-parse", "HEAD"}));
  put("pkg/a/file", "two\n");
  EXPECT_EQ(clean_commit(a()), "");
}

TEST(Hash, IsEmptyOutsideGit) {
  const TempDir directory;
  EXPECT_EQ(git_tree_hash(directory.path(), {}), "");
}

TEST(DirectoryHash, CoversNamesModesAndContents) {
  const TempDir directory;
  write_file(directory.path() / "a", "1");
  const std::string before = directory_hash(directory.path(), "s");
  EXPECT_EQ(before.size(), 40U);
  EXPECT_EQ(directory_hash(directory.path(), "s"), before);
  EXPECT_NE(directory_hash(directory.path(), "t"), before);
  fs::permissions(directory.path() / "a", fs::perms::owner_exec, fs::perm_options::add);
  const std::string executable = directory_hash(directory.path(), "s");
  EXPECT_NE(executable, before);
  fs::rename(directory.path() / "a", directory.path() / "b");
  EXPECT_NE(directory_hash(directory.path(), "s"), executable);
}

TEST(TagTemplate, TakesTheHash) {
  EXPECT_EQ(apply_tag_template("{{.Hash}}", "abc"), "abc");
  EXPECT_EQ(apply_tag_template("6.12-{{ .Hash }}-x", "abc"), "6.12-abc-x");
  EXPECT_EQ(apply_tag_template("plain", "abc"), "plain");
  EXPECT_EQ(apply_tag_template("{{.Hash}}", ""), "latest");
}

TEST(TagTemplate, KnowsNothingElse) {
  try {
    apply_tag_template("{{.Date}}", "abc");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "tag '{{.Date}}': '.Date' is unknown");
    EXPECT_EQ(error.hint(), "only {{.Hash}} exists");
  }
  EXPECT_THROW(apply_tag_template("{{.Hash", "abc"), Error);
}

}  // namespace
}  // namespace kiln::package
