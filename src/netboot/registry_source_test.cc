#include "netboot/registry_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"

namespace kiln::netboot {
namespace {

using namespace std::chrono_literals;

struct Warnings final : Reporter {
  Guarded<std::vector<std::string>> lines;
  std::unique_ptr<Activity> start(std::string_view, std::string_view, std::uint64_t) override { return nullptr; }
  void info(std::string_view) override {}
  void detail(std::string_view) override {}
  void warning(std::string_view message) override { lines.lock()->emplace_back(message); }
};

class RegistrySourceTest : public testing::Test {
 protected:
  RegistrySource source(std::chrono::milliseconds interval) {
    const auto look = [this] {
      ++looks;
      if (gone) throw Error{"nobody answers"};
      return concat("sha256:", version.load());
    };
    return {"oci://r.example/os:1", {look, [] { return publish::BootParts{}; }}, warnings, interval};
  }
  /// Until it has looked `count` times more, the last of them to its end.
  void wait_for_looks(int count) {
    const int until = looks + count + 1;
    for (int i = 0; i < 5000 && looks < until; ++i) std::this_thread::sleep_for(1ms);
    ASSERT_GE(looks, until);
  }

  std::atomic<int> looks{0}, version{1};
  std::atomic<bool> gone{false};
  Warnings warnings;
};

TEST_F(RegistrySourceTest, ItsStateIsTheDigestFromTheBeginningAndFollowsIt) {
  const RegistrySource watched = source(1ms);
  EXPECT_EQ(watched.state(), "sha256:1");
  version = 2;
  wait_for_looks(1);
  EXPECT_EQ(watched.state(), "sha256:2");
}

TEST_F(RegistrySourceTest, ARegistryThatDoesNotAnswerChangesNothingAndIsToldOfOnce) {
  const RegistrySource watched = source(1ms);
  gone = true;
  wait_for_looks(5);
  EXPECT_EQ(watched.state(), "sha256:1");
  EXPECT_EQ(*warnings.lines.lock(),
            std::vector<std::string>{"looking for a newer oci://r.example/os:1: nobody answers; what is there stays"});
  gone = false;
  wait_for_looks(1);
  gone = true;
  wait_for_looks(2);
  EXPECT_EQ(warnings.lines.lock()->size(), 2U);
}

TEST_F(RegistrySourceTest, EndsAtOnceHoweverLongTheInterval) {
  const auto begin = std::chrono::steady_clock::now();
  { const RegistrySource watched = source(1h); }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1min);
  EXPECT_EQ(looks, 1);
}

}  // namespace
}  // namespace kiln::netboot
