#include "package/content_hash.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

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
