#include "package/build_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

using Arguments = std::map<std::string, std::string>;

class BuildArguments : public testing::Test {
 protected:
  void put(const std::string& name, std::string_view text) {
    make_directories((root() / name).parent_path());
    write_file(root() / name, text);
  }
  /// Outside git, the tag is build.yml's.
  Package package(const std::string& arguments) {
    put("pkg/main/build.yml", "image: main\norg: o\ntag: t\n" + arguments);
    return open_package(root() / "pkg/main", {});
  }
  Arguments of(const std::string& arguments, const std::vector<std::filesystem::path>& files = {}) {
    Arguments found = build_arguments(package(arguments), files, {});
    found.erase("PKG_IMAGE");
    return found;
  }
  std::string failure(const std::string& arguments, const std::vector<std::filesystem::path>& files = {}) {
    try {
      of(arguments, files);
    } catch (const Error& error) {
      return error.message();
    }
    return "nothing is wrong";
  }
  std::filesystem::path root() const { return directory_.path(); }
  TempDir directory_;
};

TEST_F(BuildArguments, ComeFromBuildYmlAndFiles) {
  put("a.args", "# comment\n\n B = from file \nC=x=y\n");
  put("b.args", "C=last");
  EXPECT_EQ(of("buildArgs: [A=1, B=2]\n", {root() / "a.args", root() / "b.args"}),
            (Arguments{{"A", "1"}, {"B", "from file"}, {"C", "last"}}));
}

TEST_F(BuildArguments, AreNamesOfPackages) {
  put("pkg/tool/build.yml", "image: tool\norg: o\ntag: v1-{{.Hash}}\n");
  put("pkg/kernel-a/build.yml", "image: kernel-a\norg: my/org\ntag: a\n");
  put("pkg/kernel-b/build.yml", "image: kernel-b\norg: my/org\ntag: b\n");
  put("pkg/.kernel-c/build.yml", "image: hidden\ntag: c\n");
  put("pkg/kernel-file", "no directory\n");
  put("files/x.args", "FROM_FILE=@lkt:pkg:../pkg/tool\n");
  EXPECT_EQ(
      of("buildArgs:\n  - TOOL=@lkt:pkg:../tool\n  - \"%_IMAGE=@lkt:pkgs:../kernel-*\"\n", {root() / "files/x.args"}),
      (Arguments{{"TOOL", "o/tool:v1-"},
                 {"FROM_FILE", "o/tool:v1-"},
                 {"MY_ORG_KERNEL_A_IMAGE", "my/org/kernel-a:a"},
                 {"MY_ORG_KERNEL_B_IMAGE", "my/org/kernel-b:b"}}));
}

TEST_F(BuildArguments, SomeAreSetUnlessGiven) {
  EXPECT_EQ(build_arguments(package(""), {}, {}).at("PKG_IMAGE"), "o/main");
  EXPECT_EQ(build_arguments(package("buildArgs: [PKG_IMAGE=mine]\n"), {}, {}).at("PKG_IMAGE"), "mine");
}

TEST_F(BuildArguments, AreRefusedWithTheirPlace) {
  put("bad.args", "A=1\nB\n");
  EXPECT_EQ(failure("", {root() / "bad.args"}),
            concat((root() / "bad.args").string(), ":2: expected KEY=VALUE, got 'B'"));
  const std::string where = concat((root() / "pkg/main/build.yml").string(), ": buildArgs ");
  EXPECT_EQ(failure("buildArgs: [\"A=@lkt:foo:x\"]\n"),
            where + "'A=@lkt:foo:x': unknown linuxkit build arg value '@lkt:foo:x'");
  EXPECT_EQ(failure("buildArgs: [\"A=@lkt:pkgs:../*\"]\n"),
            where + "'A=@lkt:pkgs:../*': build argument 'A': there is no '%' in its name");
  EXPECT_EQ(failure("buildArgs: [\"%=@lkt:pkgs:../no*\"]\n"),
            concat(where, "'%=@lkt:pkgs:../no*': no directory matches ", quote((root() / "pkg/no*").string())));
  EXPECT_THAT(failure("buildArgs: [\"A=@lkt:pkg:../nosuch\"]\n"), testing::HasSubstr("there is no build.yml"));
}

}  // namespace
}  // namespace kiln::package
