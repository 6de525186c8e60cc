#include "package/debian_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::package {
namespace {

using testing::ElementsAre;

const std::string kHash(64, 'a');

TEST(PackageStanzas, AreParsed) {
  const std::string text = concat(
      "Package: nginx\nVersion: 1:2.0-3+b1\nArchitecture: arm64\nSource: nginx-src (1:2.0-3)\n"
      "Pre-Depends: libc6 (>= 2.36)\nDepends: a, b (>= 1) | c:any,\n d [linux-any]\nFilename: pool/x.deb\nSize: "
      "123\nSHA256: ",
      kHash, "\nDescription: short\n long\n\nPackage: plain\nVersion: 1\nSHA256: ", kHash, "\n");
  const std::vector<DebianPackage> packages = parse_package_stanzas(text);
  ASSERT_EQ(packages.size(), 2U);
  EXPECT_EQ(packages[0].name, "nginx");
  EXPECT_EQ(packages[0].version, "1:2.0-3+b1");
  EXPECT_EQ(packages[0].source, "nginx-src");
  EXPECT_EQ(packages[0].source_version, "1:2.0-3");
  EXPECT_EQ(packages[0].size, 123U);
  EXPECT_THAT(packages[0].depends, ElementsAre("libc6", "a", "b", "c", "d"));
  EXPECT_EQ(packages[1].source, "plain");
  EXPECT_EQ(packages[1].source_version, "1");
}

TEST(PackageStanzas, NeedAHash) {
  try {
    parse_package_stanzas("Package: x\nVersion: 1\nSHA256: short\n");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "Debian package index: entry 'x' lacks its name, version or SHA-256");
  }
}

TEST(PackageUrl, IsEscaped) {
  DebianPackage package;
  package.name = "nginx";
  package.version = "1:2.0+b1~x";
  package.architecture = "arm64";
  EXPECT_EQ(DebianArchive::package_url(package, "trixie"),
            "pkg:deb/debian/nginx@1%3A2.0%2Bb1~x?arch=arm64&distro=debian-trixie");
}

TEST(Architectures, HaveDebiansNames) {
  EXPECT_EQ(debian_architecture("arm64"), "arm64");
  EXPECT_EQ(debian_architecture("ppc64le"), "ppc64el");
}

}  // namespace
}  // namespace kiln::package
