#include "modules/index.h"

#include <gtest/gtest.h>

#include "modules/options.h"
#include "modules/uevent.h"

namespace guest {
namespace {

constexpr std::string_view kDep =
    "kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz\n"
    "kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz\n"
    "kernel/net/core/failover.ko.xz:\n"
    "a line without a colon\n"
    "kernel/drivers/char/hw_random/virtio-rng.ko:";

TEST(DependencyIndex, LoadsTheDeepestFirst) {
  DependencyIndex index{kDep};
  ModuleRecord record;
  ASSERT_TRUE(index.find("virtio_net", record));
  EXPECT_EQ(record.path, "kernel/drivers/net/virtio_net.ko.xz");
  EXPECT_EQ(record.dependencies,
            (std::vector<std::string_view>{"kernel/net/core/failover.ko.xz", "kernel/drivers/net/net_failover.ko.xz"}));
}

TEST(DependencyIndex, DashAndUnderscoreAreOne) {
  DependencyIndex index{kDep};
  ModuleRecord record;
  ASSERT_TRUE(index.find("virtio_rng", record));
  ASSERT_TRUE(index.find("virtio-rng", record));
  EXPECT_TRUE(record.dependencies.empty());
  EXPECT_FALSE(index.find("virtio", record));
  EXPECT_EQ(index.size(), 4U);
}

TEST(ModuleName, FromPaths) {
  EXPECT_EQ(module_name("kernel/a/virtio-rng.ko.xz"), "virtio_rng");
  EXPECT_EQ(module_name("snd-hda"), "snd_hda");
}

constexpr std::string_view kAlias =
    "# Aliases extracted from modules themselves.\n"
    "alias virtio:d00000001v* virtio_net\n"
    "alias virtio:d00000002v* virtio-blk\n"
    "alias virtio:d0000000[12]v* both\n"
    "alias fs-overlay overlay\n"
    "alias dmi*:svnA B:* blanks\n"
    "alias *anything catchall\n"
    "alias broken\n"
    "alias virtio:d00000001v00001AF4 virtio_net";

TEST(Aliases, EveryModuleOnceInOrder) {
  EXPECT_EQ(match_aliases(kAlias, {"dmi:svnA B:x", "virtio:d00000001v00001AF4"}),
            (std::vector<std::string>{"virtio_net", "both", "blanks"}));
  EXPECT_EQ(match_aliases(kAlias, {"fs-overlay"}), (std::vector<std::string>{"overlay"}));
  EXPECT_EQ(match_aliases(kAlias, {"some-anything"}), (std::vector<std::string>{"catchall"}));
  EXPECT_TRUE(match_aliases(kAlias, {}).empty());
  EXPECT_TRUE(match_aliases(kAlias, {"", "broken"}).empty());
}

TEST(ModprobeOptions, ReadsTheFile) {
  ModprobeOptions options;
  options.add("# c\nblacklist snd-pcsp\noptions a-b x=1 y=2\noptions a_b z\nalias foo bar\ninstall x /bin/true\n");
  EXPECT_TRUE(options.blacklisted("snd_pcsp"));
  EXPECT_FALSE(options.blacklisted("a_b"));
  EXPECT_EQ(options.parameters("a_b"), "x=1 y=2 z");
  EXPECT_EQ(options.aliases, "alias foo bar\n");
  EXPECT_EQ(options.unsupported, 1);
}

TEST(Uevent, OnlyNewDevicesCount) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(added_modalias("add@/devices/x\0ACTION=add\0MODALIAS=virtio:d1v2\0SEQNUM=1\0"sv), "virtio:d1v2");
  EXPECT_EQ(added_modalias("remove@/devices/x\0MODALIAS=virtio:d1v2\0"sv), "");
  EXPECT_EQ(added_modalias("add@/devices/x\0ACTION=add\0"sv), "");
  EXPECT_EQ(added_modalias(""), "");
}

}  // namespace
}  // namespace guest
