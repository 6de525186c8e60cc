#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "inventory/apk_installed.h"
#include "inventory/dpkg_status.h"
#include "inventory/spdx.h"

namespace kiln::inventory {

bool operator==(const InstalledPackage& a, const InstalledPackage& b) {
  const auto all = [](const InstalledPackage& p) {
    return std::tie(p.kind, p.name, p.version, p.architecture, p.source, p.source_version, p.maintainer, p.homepage,
                    p.licence);
  };
  return all(a) == all(b);
}

void PrintTo(const InstalledPackage& package, std::ostream* out) {
  *out << package.name << " " << package.version << " from " << package.source << " " << package.source_version;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kDeb = InstalledPackage::Kind::deb;
constexpr auto kApk = InstalledPackage::Kind::apk;

constexpr char kStatus[] =
    "Package: libc6\n"
    "Status: install ok installed\n"
    "Priority: optional\n"
    "Architecture: arm64\n"
    "Multi-Arch: same\n"
    "Source: glibc\n"
    "Version: 2.36-9+deb12u4\n"
    "Maintainer: GNU Libc Maintainers <libc@example.org>\n"
    "Description: GNU C Library\n"
    " Contains the standard libraries.\n"
    " .\n"
    " More: of them.\n"
    "Homepage: https://www.gnu.org/software/libc/libc.html\n"
    "\n"
    "Package: gone\n"
    "Status: deinstall ok config-files\n"
    "Architecture: arm64\n"
    "Version: 1\n"
    "\n"
    "package: gcc-12-base\r\n"
    "Status: install ok unpacked\r\n"
    "Source: gcc-12 (12.2.0-14)\r\n"
    "Version: 12.2.0-14+b1\r\n"
    "\n"
    "\n"
    "Package: never\n"
    "Status: unknown ok not-installed\n";

TEST(DpkgStatus, ListsWhatIsInstalled) {
  EXPECT_THAT(
      parse_dpkg_status(kStatus, "status"),
      ElementsAre(InstalledPackage{kDeb, "libc6", "2.36-9+deb12u4", "arm64", "glibc", "",
                                   "GNU Libc Maintainers <libc@example.org>",
                                   "https://www.gnu.org/software/libc/libc.html", ""},
                  InstalledPackage{kDeb, "gcc-12-base", "12.2.0-14+b1", "", "gcc-12", "12.2.0-14", "", "", ""}));
}

TEST(DpkgStatus, AFileOfStatusDHasNoState) {
  EXPECT_THAT(parse_dpkg_status("Package: tzdata\nVersion: 2024a\nArchitecture: all", "tzdata"),
              ElementsAre(InstalledPackage{kDeb, "tzdata", "2024a", "all", "tzdata", "", "", "", ""}));
  EXPECT_THAT(parse_dpkg_status("", "status"), IsEmpty());
  EXPECT_THAT(parse_dpkg_status("\n\n", "status"), IsEmpty());
}

constexpr char kInstalled[] =
    "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\n"
    "P:alpine-baselayout\n"
    "V:3.6.5-r0\n"
    "A:x86_64\n"
    "S:8515\n"
    "T:Alpine base dir structure and init scripts\n"
    "U:https://git.alpinelinux.org/cgit/aports/tree/main/alpine-baselayout\n"
    "L:GPL-2.0-only\n"
    "o:baselayout\n"
    "m:Natanael Copa <ncopa@example.org>\n"
    "F:dev\n"
    "M:0:0:755\n"
    "R:motd\n"
    "a:0:0:644\n"
    "Z:Q1SLkS9hBidUbPwwrw+XR0Whv3ww8=\n"
    "\n"
    "P:musl\n"
    "V:1.2.5-r0\n"
    "\n";

TEST(ApkInstalled, ListsPackages) {
  EXPECT_THAT(parse_apk_installed(kInstalled, "installed"),
              ElementsAre(InstalledPackage{kApk, "alpine-baselayout", "3.6.5-r0", "x86_64", "baselayout", "",
                                           "Natanael Copa <ncopa@example.org>",
                                           "https://git.alpinelinux.org/cgit/aports/tree/main/alpine-baselayout",
                                           "GPL-2.0-only"},
                          InstalledPackage{kApk, "musl", "1.2.5-r0", "", "musl", "", "", "", ""}));
}

struct BadCase {
  const char* name;
  std::vector<InstalledPackage> (*parse)(std::string_view text, std::string_view file);
  const char* text;
  const char* message;
};
constexpr BadCase kBad[] = {
    {"NoName", parse_dpkg_status, "\n\nVersion: 1\n", "db:3: the paragraph names no Package"},
    {"NoVersion", parse_dpkg_status, "Package: a\nStatus: install ok installed\n", "db:1: package 'a' has no Version"},
    {"NoField", parse_dpkg_status, "Package: a\nVersion 1\n", "db:2: expected FIELD: VALUE, got 'Version 1'"},
    {"OnlyAColon", parse_dpkg_status, ": a\n", "db:1: expected FIELD: VALUE, got ': a'"},
    {"Indented", parse_dpkg_status, "Package: a\nVersion: 1\n\n more\n",
     "db:4: a paragraph begins with a line that is indented"},
    {"ApkNoName", parse_apk_installed, "V:1\n", "db:1: the paragraph names no package (P:)"},
    {"ApkNoVersion", parse_apk_installed, "P:a\nV:1\n\nP:b\n", "db:4: package 'b' has no version (V:)"},
    {"ApkNoColon", parse_apk_installed, "P:a\nxyz\n", "db:2: expected a letter and a colon, got 'xyz'"},
};

TEST(Databases, WhatIsDamagedIsSaid) {
  for (const BadCase& bad : kBad) {
    EXPECT_THAT([&] { bad.parse(bad.text, "db"); }, testing::ThrowsMessage<Error>(bad.message)) << bad.name;
  }
}

TEST(OsRelease, IsReadAsAShellWould) {
  const OsRelease os = parse_os_release(
      "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"1\\2\"\nID_LIKE='no'\nnonsense\n");
  EXPECT_EQ(os.id, "debian");
  EXPECT_EQ(os.version_id, "12");
  EXPECT_EQ(parse_os_release("ID='alpine'").id, "alpine");
  EXPECT_EQ(parse_os_release("ID=\"open").id, "open");
  EXPECT_EQ(parse_os_release("").id, "");
}

TEST(PackageUrl, IsThatOfTheDistribution) {
  const InstalledPackage deb{kDeb, "libstdc++6", "1:12.2~rc1-14", "amd64", "", "", "", "", ""};
  EXPECT_EQ(package_url(deb, {"debian", "12"}),
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2~rc1-14?arch=amd64&distro=debian-12");
  EXPECT_EQ(package_url(deb, {}), "pkg:deb/debian/libstdc%2B%2B6@1:12.2~rc1-14?arch=amd64");
  const InstalledPackage apk{kApk, "musl", "1.2.5-r0", "", "", "", "", "", ""};
  EXPECT_EQ(package_url(apk, {"wolfi", "20230201"}), "pkg:apk/wolfi/musl@1.2.5-r0?distro=wolfi-20230201");
}

TEST(Spdx, DescribesTheImageAndItsPackages) {
  ImageContents contents{"team/app:1", std::string(64, 'a'), "2026-01-02T03:04:05Z", {"debian", "12"}, {}};
  contents.packages = {{kDeb, "a+b", "1", "amd64", "src", "2", "M <m@example.org>", "https://example.org", ""},
                       {kDeb, "a-b", "1", "amd64", "a-b", "", "", "", ""},
                       {kApk, "c", "3", "", "c", "", "", "", "MIT\xff"}};
  const std::string text = spdx_document(contents);
  auto document = nlohmann::json::parse(text);
  EXPECT_EQ(document["spdxVersion"], "SPDX-2.3");
  EXPECT_EQ(document["name"], "team/app:1");
  EXPECT_EQ(document["creationInfo"]["created"], "2026-01-02T03:04:05Z");
  ASSERT_EQ(document["packages"].size(), 4U);
  const auto& image = document["packages"][0];
  EXPECT_EQ(image["SPDXID"], "SPDXRef-Image-team-app-1-aaaaaaaaaaaa");
  EXPECT_EQ(image["primaryPackagePurpose"], "CONTAINER");
  EXPECT_EQ(image["checksums"][0]["checksumValue"], std::string(64, 'a'));
  const auto& package = document["packages"][1];
  EXPECT_EQ(package["SPDXID"], "SPDXRef-Package-a-b-amd64-aaaaaaaaaaaa");
  EXPECT_EQ(package["versionInfo"], "1");
  EXPECT_EQ(package["originator"], "Person: M <m@example.org>");
  EXPECT_EQ(package["homepage"], "https://example.org");
  EXPECT_EQ(package["sourceInfo"], "built from source package src 2");
  EXPECT_EQ(package["externalRefs"][0]["referenceLocator"], "pkg:deb/debian/a%2Bb@1?arch=amd64&distro=debian-12");
  EXPECT_EQ(document["packages"][2]["SPDXID"], "SPDXRef-Package-a-b-amd64-aaaaaaaaaaaa-2");
  EXPECT_EQ(document["packages"][3]["licenseComments"], "the package says: MIT\xef\xbf\xbd");
  ASSERT_EQ(document["relationships"].size(), 4U);
  EXPECT_EQ(document["relationships"][0]["relationshipType"], "DESCRIBES");
  EXPECT_EQ(document["relationships"][3],
            nlohmann::json::parse(R"({"spdxElementId": "SPDXRef-Image-team-app-1-aaaaaaaaaaaa",
                                      "relationshipType": "CONTAINS",
                                      "relatedSpdxElement": "SPDXRef-Package-c--aaaaaaaaaaaa"})"));
  EXPECT_EQ(spdx_document(contents), text);
}

}  // namespace
}  // namespace kiln::inventory
