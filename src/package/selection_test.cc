#include "package/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::package {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

DebEntry file(std::string path, std::vector<std::string> needed = {}, std::string interpreter = "") {
  DebEntry entry;
  entry.path = std::move(path);
  if (!needed.empty() || !interpreter.empty()) {
    entry.linkage = ElfLinkage{};
    entry.linkage->needed = std::move(needed);
    entry.linkage->interpreter = std::move(interpreter);
  }
  return entry;
}

DebEntry link(std::string path, std::string target) {
  DebEntry entry = file(std::move(path));
  entry.kind = DebEntry::Kind::symlink;
  entry.link = std::move(target);
  return entry;
}

/// An archive with a server, its library packages, and one that nobody needs.
class Closure : public testing::Test {
 protected:
  void add(const std::string& name, std::vector<DebEntry> entries, std::vector<std::string> depends = {}) {
    DebianPackage package;
    package.name = name;
    package.depends = std::move(depends);
    package.size = entries.size();
    entries.push_back(file(concat("/usr/share/doc/", name, "/copyright")));
    contents_[name] = std::move(entries);
    packages_.push_back(package);
  }

  void SetUp() override {
    add("libc6", {file("/usr/lib/aarch64-linux-gnu/libc.so.6"), file("/usr/lib/ld-linux-aarch64.so.1"),
                  file("/usr/lib/aarch64-linux-gnu/libm.so.6", {"libc.so.6"})});
    add("libssl3t64", {file("/usr/lib/aarch64-linux-gnu/libssl.so.3", {"libcrypto.so.3", "libc.so.6"}),
                       file("/usr/lib/aarch64-linux-gnu/libcrypto.so.3", {"libc.so.6", "ld-linux-aarch64.so.1"})});
    add("server",
        {file("/usr/sbin/server", {"libssl.so.3", "libz.so.1", "libprivate.so", "libc.so.6"},
              "/lib/ld-linux-aarch64.so.1"),
         file("/usr/sbin/other", {"libunneeded.so.1"}), file("/etc/server.conf"),
         file("/usr/share/man/man8/server.8.gz"), link("/usr/sbin/alias", "server")},
        {"libc6", "libssl3t64", "zlib1g"});
    add("unneeded", {file("/usr/bin/unneeded")});
    add("zlib1g", {link("/usr/lib/aarch64-linux-gnu/libz.so.1", "libz.so.1.3"),
                   file("/usr/lib/aarch64-linux-gnu/libz.so.1.3"), file("/usr/lib/aarch64-linux-gnu/libprivate.so")});
  }

  Selector selector(bool merged_usr = true) {
    return Selector{packages_, "arm64", merged_usr, [this](std::span<const DebianPackage* const> packages) {
                      std::vector<std::vector<DebEntry>> lists;
                      for (const DebianPackage* package : packages) {
                        fetched_.push_back(package->name);
                        lists.push_back(contents_.at(package->name));
                      }
                      return lists;
                    }};
  }

  static std::vector<std::string> paths(const Selector& selector) {
    std::vector<std::string> list;
    for (const SelectedFile& file : selector.files()) {
      if (!file.path.starts_with("/usr/share/doc/")) list.push_back(file.path);
    }
    return list;
  }

  std::vector<DebianPackage> packages_;
  std::map<std::string, std::vector<DebEntry>> contents_;
  std::vector<std::string> fetched_;
};

TEST_F(Closure, HasWhatAProgramNeedsAndNoMore) {
  Selector chosen = selector();
  chosen.keep({"server"}, {{"/usr/sbin/alias", {}}}, {});
  EXPECT_THAT(paths(chosen),
              ElementsAre("/usr/lib/aarch64-linux-gnu/libc.so.6", "/usr/lib/aarch64-linux-gnu/libcrypto.so.3",
                          "/usr/lib/aarch64-linux-gnu/libprivate.so", "/usr/lib/aarch64-linux-gnu/libssl.so.3",
                          "/usr/lib/aarch64-linux-gnu/libz.so.1", "/usr/lib/aarch64-linux-gnu/libz.so.1.3",
                          "/usr/lib/ld-linux-aarch64.so.1", "/usr/sbin/alias", "/usr/sbin/server"));
  EXPECT_THAT(fetched_, UnorderedElementsAre("server", "libc6", "libssl3t64", "zlib1g"));
}

TEST_F(Closure, PutsTheInterpreterWhereProgramsLookForIt) {
  Selector chosen = selector(false);
  chosen.keep({"server"}, {{"/usr/sbin/server", {}}}, {});
  EXPECT_THAT(paths(chosen), testing::Contains("/lib/ld-linux-aarch64.so.1"));
  EXPECT_THAT(paths(chosen), testing::Not(testing::Contains("/usr/lib/ld-linux-aarch64.so.1")));
}

TEST_F(Closure, KeepsLicencesOfWhatIsUsed) {
  Selector chosen = selector();
  chosen.keep({"server"}, {{"/etc/*", {}}}, {});
  std::vector<std::string> all;
  for (const SelectedFile& file : chosen.files()) all.push_back(file.path);
  EXPECT_THAT(all, ElementsAre("/etc/server.conf", "/usr/share/doc/server/copyright"));
}

TEST_F(Closure, DropsWhatIsNotWanted) {
  Selector chosen = selector();
  chosen.keep({"server"}, {{"/etc/**", {}}, {"/usr/share/man/**", {}}}, {"/usr/share/man/**"});
  EXPECT_THAT(paths(chosen), ElementsAre("/etc/server.conf"));
}

TEST_F(Closure, SaysWhichPatternMatchesNothing) {
  Selector chosen = selector();
  try {
    chosen.keep({"server"}, {{"/usr/sbin/sever", {"b.yml", 7, 5}}}, {});
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "b.yml:7:5: debian.keep: no file of the named packages matches '/usr/sbin/sever'");
  }
}

TEST_F(Closure, SaysWhichLibraryIsNowhere) {
  Selector chosen = selector();
  try {
    chosen.keep({"server"}, {{"/usr/sbin/other", {}}}, {});
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "no package has 'libunneeded.so.1', which '/usr/sbin/other' of server needs");
  }
}

TEST_F(Closure, TakesWholePackagesWithoutDocumentation) {
  Selector chosen = selector();
  chosen.keep_all({"/usr/sbin/other"});
  const auto all = paths(chosen);
  EXPECT_THAT(all, testing::Contains("/usr/bin/unneeded"));
  EXPECT_THAT(all, testing::Not(testing::Contains("/usr/share/man/man8/server.8.gz")));
  EXPECT_THAT(all, testing::Not(testing::Contains("/usr/sbin/other")));
}

TEST(LibraryPackages, AreNamedByPolicy) {
  EXPECT_THAT(library_package_names("libssl.so.3"), testing::Contains("libssl3t64"));
  EXPECT_THAT(library_package_names("libpcre2-8.so.0"), testing::Contains("libpcre2-8-0"));
  EXPECT_THAT(library_package_names("libgcc_s.so.1"), testing::Contains("libgcc-s1"));
  EXPECT_THAT(library_package_names("libc.so.6"), testing::Contains("libc6"));
  EXPECT_TRUE(library_package_names("plugin").empty());
}

TEST(FileSets, FollowLinks) {
  const std::vector<DebEntry> entries = {file("/usr/lib/a/x"), link("/usr/lib/b", "a"),
                                         link("/usr/lib/c", "/usr/lib/b/x"), link("/loop", "loop"),
                                         link("/up", "../../usr/lib/a/x")};
  FileSet set;
  set.add(0, entries);
  EXPECT_EQ(set.resolve("/lib/b/x")->entry->path, "/usr/lib/a/x");
  EXPECT_EQ(set.resolve("/usr/lib/c")->entry->path, "/usr/lib/a/x");
  EXPECT_EQ(set.resolve("/up")->entry->path, "/usr/lib/a/x");
  EXPECT_EQ(set.resolve("/usr/lib/a/../b/x")->entry->path, "/usr/lib/a/x");
  EXPECT_EQ(set.resolve("/loop"), nullptr);
  EXPECT_EQ(set.resolve("/no"), nullptr);
}

}  // namespace
}  // namespace kiln::package
