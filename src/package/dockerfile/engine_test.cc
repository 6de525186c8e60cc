#include "package/dockerfile/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

EngineRequest request() {
  EngineRequest out;
  out.name = "o/i:t";
  out.context = "/ctx";
  out.dockerfile = "/work/dockerfile/Dockerfile";
  out.work = "/work";
  out.platform = {"linux", "arm64", ""};
  out.host = {"linux", "amd64", ""};
  out.arguments = {{"A", "b c"}};
  out.labels = {{"l", "{\"x\":1}"}};
  BaseImage base;
  base.name = "kiln-base-0";
  base.layout = "docker.io/library/alpine-0123";
  base.digest = oci::Digest::of("x");
  out.bases = {base};
  return out;
}

class Engines : public testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("BUILDAH_ISOLATION");
    ::unsetenv("STORAGE_DRIVER");
  }
  static std::string line(const Engine& engine, const EngineRequest& request) {
    return shell_line(engine.build(request).arguments);
  }
};

TEST_F(Engines, BuildahIsKeptOffTheNetworkByANamespace) {
  const auto engine = make_buildah("/store/buildah");
  EXPECT_THAT(line(*engine, request()), HasSubstr("unshare --net buildah --root /store/buildah/layers --runroot "
                                                  "/store/buildah/run bud --isolation chroot "));
  EngineRequest networked = request();
  networked.network = true;
  EXPECT_THAT(line(*engine, networked), StartsWith("buildah --root "));
  EngineRequest fetching = request();
  fetching.fetches_urls = true;
  EXPECT_THAT(line(*engine, fetching), StartsWith("buildah --root "));
}

TEST_F(Engines, BuildahWithItsOwnIsolationHasAnOptionForThat) {
  ::setenv("BUILDAH_ISOLATION", "oci", 1);
  const std::string text = line(*make_buildah("/s"), request());
  ::unsetenv("BUILDAH_ISOLATION");
  EXPECT_THAT(text, StartsWith("buildah "));
  EXPECT_THAT(text, HasSubstr("--isolation oci"));
  EXPECT_THAT(text, HasSubstr("--network none"));
}

TEST_F(Engines, BuildahIsToldEverything) {
  EngineRequest all = request();
  all.cache = false;
  all.ssh = {"default"};
  all.source_date_epoch = "17";
  EXPECT_THAT(line(*make_buildah("/s"), all),
              HasSubstr("bud --isolation chroot --format oci --identity-label=false --layers --force-rm --no-cache "
                        "--pull=never --platform linux/arm64 --build-arg BUILDPLATFORM=linux/amd64 --build-arg "
                        "BUILDOS=linux --build-arg BUILDARCH=amd64 --build-arg 'A=b c' --label 'l={\"x\":1}' "
                        "--build-context kiln-base-0=docker-image://oci:docker.io/library/alpine-0123:kiln "
                        "--ssh default --timestamp 17 --tag oci:image:kiln --file /work/dockerfile/Dockerfile /ctx"));
}

TEST_F(Engines, PodmanIsBuildahWithTheUsersStorage) {
  const std::string text = line(*make_podman(), request());
  EXPECT_THAT(text, HasSubstr("podman build --isolation chroot"));
  EXPECT_THAT(text, Not(HasSubstr("--root")));
}

TEST_F(Engines, DockerUsesTheContextOfThePlatform) {
  BuilderOptions builder;
  builder.contexts = {{"linux/arm64", "far"}};
  const auto engine = make_docker(builder);
  EXPECT_EQ(line(*engine, request()),
            concat("docker --context far buildx build --builder linuxkit-builder-far --platform linux/arm64 --progress "
                   "plain --provenance=false --sbom=false --network none --build-arg 'A=b c' --label 'l={\"x\":1}' "
                   "--build-context kiln-base-0=oci-layout:///work/docker.io/library/alpine-0123:kiln@",
                   oci::Digest::of("x").to_string(),
                   " --output type=oci,tar=false,dest=image --file /work/dockerfile/Dockerfile /ctx"));
}

TEST_F(Engines, BuildctlSpeaksToAFrontend) {
  EngineRequest networked = request();
  networked.network = true;
  networked.cache = false;
  EXPECT_EQ(
      line(*make_buildctl(), networked),
      concat("buildctl build --progress plain --frontend dockerfile.v0 --local context=/ctx --local "
             "dockerfile=/work/dockerfile --opt filename=Dockerfile --opt platform=linux/arm64 --opt "
             "force-network-mode=sandbox --no-cache --opt 'build-arg:A=b c' --opt 'label:l={\"x\":1}' --oci-layout "
             "kiln-base-0=/work/docker.io/library/alpine-0123 --opt context:kiln-base-0=oci-layout://kiln-base-0@",
             oci::Digest::of("x").to_string(), " --output type=oci,tar=false,dest=image"));
}

TEST_F(Engines, AreMissedWithAHint) {
  const TempDir empty;
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", empty.path().c_str(), 1);
  for (const char* name : {"", "podman"}) {
    try {
      make_engine({name, "/s", {}});
      ADD_FAILURE() << "there is one";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(),
                *name == '\0' ? "no program is here that builds Dockerfiles" : "engine 'podman': it is not installed");
      EXPECT_THAT(error.hint(), StartsWith("install buildah (apt-get install buildah), or choose another engine"));
    }
  }
  ::setenv("PATH", path.c_str(), 1);
  try {
    make_engine({"kaniko", "/s", {}});
    FAIL() << "there is one";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "engine 'kaniko': expected buildah, podman, docker or buildctl");
  }
}

TEST(ShellLine, QuotesWhatNeedsIt) {
  EXPECT_EQ(shell_line({"a", "b=c", "d e", "it's", ""}), "a b=c 'd e' 'it'\\''s' ''");
}

}  // namespace
}  // namespace kiln::package
