#include "package/dockerfile/dockerfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::package {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Dockerfile parse(std::string_view text, const std::map<std::string, std::string>& arguments = {}) {
  return parse_dockerfile(text, "Dockerfile", arguments, {"linux", "arm64", ""}, {"linux", "amd64", ""});
}

/// "LINE NAME PLATFORM" of each image, and "ORIGINAL" if the text says it otherwise.
std::vector<std::string> images(const Dockerfile& file) {
  std::vector<std::string> out;
  for (const ImageUse& use : file.images) {
    out.push_back(concat(use.line, " ", use.name, " ", use.platform.to_string()));
    const std::string written = file.text.substr(use.offset, use.length);
    if (written != use.name) out.back() += " " + written;
  }
  return out;
}

struct ImageCase {
  const char* name;
  const char* text;
  std::vector<std::string> images;
};

const ImageCase kImages[] = {
    {"One", "FROM alpine:3.20\n", {"1 alpine:3.20 linux/arm64"}},
    {"AnArchitectureInTheName", "FROM aarch64/alpine:3.5\n", {"1 aarch64/alpine:3.5 linux/arm64"}},
    {"NoneOfScratch", "FROM scratch\nCOPY a /\n", {}},
    {"StagesAreNotImages",
     "FROM a AS one\nFROM One as TWO\nFROM b\nCOPY --from=two /x /\nCOPY --from=0 /y /\nCOPY --from=c --chown=1 /z /\n",
     {"1 a linux/arm64", "3 b linux/arm64", "6 c linux/arm64"}},
    {"Platforms",
     "FROM --platform=$BUILDPLATFORM go AS build\nFROM --platform=linux/riscv64 b\nCOPY --from=x /a /a\nFROM c\n",
     {"1 go linux/amd64", "2 b linux/riscv64", "3 x linux/riscv64", "4 c linux/arm64"}},
    {"Arguments",
     "ARG BASE=alpine\nARG TAG=\"3.20\" MORE=$BASE-${TAG}\nFROM ${BASE}:$TAG\nFROM $MORE\nFROM \"x\"\n",
     {"3 alpine:3.20 linux/arm64 ${BASE}:$TAG", "4 alpine-3.20 linux/arm64 $MORE", "5 x linux/arm64 \"x\""}},
    {"GivenArguments", "ARG GIVEN=no\nFROM $GIVEN\n", {"2 yes linux/arm64 $GIVEN"}},
    {"UndeclaredArgumentsDoNotCount", "FROM x${GIVEN}\n", {"1 x linux/arm64 x${GIVEN}"}},
    {"Defaults",
     "ARG A\nARG B=b\nFROM ${A:-a}\nFROM ${B:-x}${B:+y}${A:+z}\nFROM ${NONE-n${B}}\n",
     {"3 a linux/arm64 ${A:-a}", "4 by linux/arm64 ${B:-x}${B:+y}${A:+z}", "5 nb linux/arm64 ${NONE-n${B}}"}},
    {"TargetArchitecture", "FROM base-$TARGETARCH\n", {"1 base-arm64 linux/arm64 base-$TARGETARCH"}},
    {"ArgumentsOfAStageAreNotForFrom", "FROM a\nARG X=x\nFROM b$X\n", {"1 a linux/arm64", "3 b linux/arm64 b$X"}},
    {"Continued", "FROM \\\n  # comment\n\n  alpine \\\n  AS a\nFROM a\n", {"1 alpine linux/arm64"}},
    {"SplitInAName", "FROM alp\\\nine\n", {"1 alpine linux/arm64 alp\\\nine"}},
    {"OtherEscape", "# escape=`\nFROM `\n alpine\nRUN a \\\nFROM b\n", {"2 alpine linux/arm64", "5 b linux/arm64"}},
    {"NoDirectiveAfterAComment", "# hello\n# escape=`\nFROM \\\nalpine\n", {"3 alpine linux/arm64"}},
    {"Comments", "#FROM x\n  # FROM y\nfrom z\n", {"3 z linux/arm64"}},
    {"HereDocuments",
     "FROM a\nRUN <<EOF cat <<-\"END\"\nFROM x\nEOF\nFROM y\n\tEND\nCOPY <<A <<B /\nFROM v\nA\nFROM w\nB\nFROM b\n",
     {"1 a linux/arm64", "12 b linux/arm64"}},
    {"Mounts",
     "FROM a\nRUN --mount=type=bind,from=tools:1,target=/t --mount=type=cache,target=/c make\n",
     {"1 a linux/arm64", "2 tools:1 linux/arm64"}},
    {"WindowsLines", "FROM a\r\nFROM b\r\n", {"1 a linux/arm64", "2 b linux/arm64"}},
    {"ByDigest", "FROM a@sha256:0123 AS x\n", {"1 a@sha256:0123 linux/arm64"}},
};

class Images : public testing::TestWithParam<ImageCase> {};

TEST_P(Images, AreFound) {
  EXPECT_THAT(images(parse(GetParam().text, {{"GIVEN", "yes"}})), testing::ElementsAreArray(GetParam().images));
}

INSTANTIATE_TEST_SUITE_P(Cases, Images, testing::ValuesIn(kImages), [](const auto& row) { return row.param.name; });

TEST(Dockerfile, IsWrittenWithOtherNames) {
  const Dockerfile file = parse("ARG V=1\nFROM a:$V AS x\nRUN --mount=from=b,target=/b true\nCOPY --from=c /d /\n");
  EXPECT_EQ(file.with_names({"one", "two", "three"}),
            "ARG V=1\nFROM one AS x\nRUN --mount=from=two,target=/b true\nCOPY --from=three /d /\n");
}

TEST(Dockerfile, SaysThePlatformOfEachStage) {
  const Dockerfile file =
      parse("FROM --platform=$BUILDPLATFORM a AS b\nFROM b\nFROM c\nCOPY --from=d /x /\nFROM scratch\n");
  EXPECT_EQ(file.with_names({"one", "two", "three"}, true),
            "FROM --platform=$BUILDPLATFORM one AS b\nFROM b\nFROM --platform=linux/arm64 two\n"
            "COPY --from=three /x /\nFROM --platform=linux/arm64 scratch\n");
}

TEST(Dockerfile, TellsWhereCommandsRun) {
  const Dockerfile file = parse("FROM --platform=$BUILDPLATFORM a\nRUN x\nRUN y\nFROM b\nCOPY c /\n");
  EXPECT_THAT(file.runs_on, ElementsAre(oci::Platform{"linux", "amd64", ""}));
  EXPECT_THAT(parse("FROM a\nRUN x\n").runs_on, ElementsAre(oci::Platform{"linux", "arm64", ""}));
  EXPECT_THAT(parse("FROM a\n").runs_on, IsEmpty());
}

TEST(Dockerfile, TellsWhatItDeclaresAndFetches) {
  const Dockerfile file = parse("ARG A=1\nFROM a\nARG B\nARG A\nADD https://example.org/x /\n");
  EXPECT_THAT(file.arguments, ElementsAre("A", "B"));
  EXPECT_TRUE(file.declares("B"));
  EXPECT_FALSE(file.declares("C"));
  EXPECT_TRUE(file.fetches_urls);
  EXPECT_FALSE(parse("FROM a\nADD x /\n").fetches_urls);
}

struct BadCase {
  const char* name;
  const char* text;
  const char* message;
};

constexpr BadCase kBad[] = {
    {"Empty", "", "Dockerfile: there is no FROM in it"},
    {"OnlyArguments", "ARG A=1\n", "Dockerfile: there is no FROM in it"},
    {"NoImage", "\nFROM\n", "Dockerfile:2: FROM: expected an image"},
    {"EmptyArgument", "ARG A\nFROM $A\n", "Dockerfile:2: FROM: '$A' is empty"},
    {"UnknownFlag", "FROM --arch=x a\n", "Dockerfile:1: FROM: unknown flag '--arch=x'"},
    {"OpenBrace", "FROM ${A\n", "Dockerfile:1: '${A…': only ${NAME}, ${NAME:-WORD} and ${NAME:+WORD} can be replaced"},
    {"OpenDefault", "FROM ${A:-b\n", "Dockerfile:1: '${A' without '}'"},
    {"Pattern", "FROM ${A#x}\n", "Dockerfile:1: '${A…': only ${NAME}, ${NAME:-WORD} and ${NAME:+WORD} can be replaced"},
};

class BadDockerfile : public testing::TestWithParam<BadCase> {};

TEST_P(BadDockerfile, IsRefused) {
  try {
    parse(GetParam().text);
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, BadDockerfile, testing::ValuesIn(kBad), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kiln::package
