#include "package/kernel_modules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::package {
namespace {

std::vector<KernelModule> kernel() {
  return {
      {"kernel/drivers/net/virtio_net.ko", "virtio_net", {"net_failover", "failover"}, {"virtio:d00000001v*"}, {}},
      {"kernel/drivers/net/net_failover.ko", "net_failover", {"failover"}, {}, {}},
      {"kernel/net/core/failover.ko", "failover", {}, {}, {}},
      {"kernel/fs/erofs/erofs.ko.xz", "erofs", {"libcrc32c"}, {"fs-erofs"}, {}},
      {"kernel/lib/libcrc32c.ko.xz", "libcrc32c", {}, {}, {"pre: crc32c"}},
      {"kernel/crypto/crc32c_generic.ko.xz", "crc32c_generic", {}, {"crypto-crc32c", "crc32c"}, {}},
      {"kernel/fs/fat/vfat.ko.xz", "vfat", {}, {}, {}},
  };
}

std::vector<Pattern> patterns(std::initializer_list<const char*> texts) {
  std::vector<Pattern> list;
  for (const char* text : texts) list.push_back({text, {"b.yml", static_cast<int>(list.size()) + 1, 1}});
  return list;
}

std::vector<std::string> names(const std::vector<const KernelModule*>& modules) {
  std::vector<std::string> list;
  for (const KernelModule* module : modules) list.push_back(module->name);
  return list;
}

using testing::ElementsAre;

TEST(KernelModules, BringWhatTheyDependOn) {
  const auto modules = kernel();
  EXPECT_THAT(names(select_modules(modules, "", patterns({"virtio-net"}))),
              ElementsAre("net_failover", "virtio_net", "failover"));
  // Softly too, under another name.
  EXPECT_THAT(names(select_modules(modules, "", patterns({"erofs"}))),
              ElementsAre("crc32c_generic", "erofs", "libcrc32c"));
}

TEST(KernelModules, AreFoundByPath) {
  const auto modules = kernel();
  EXPECT_THAT(names(select_modules(modules, "", patterns({"fs/fat/**", "no/such/**"}))), ElementsAre("vfat"));
}

TEST(KernelModules, AreAllWithoutPatterns) {
  const auto modules = kernel();
  EXPECT_EQ(select_modules(modules, "", {}).size(), modules.size());
}

TEST(KernelModules, MayBeBuiltInOrOptional) {
  const auto modules = kernel();
  EXPECT_THAT(names(select_modules(modules, "kernel/fs/ext4/ext4.ko\n", patterns({"ext4", "nosuch?"}))), ElementsAre());
}

TEST(KernelModules, AreMissedTogether) {
  const auto modules = kernel();
  try {
    select_modules(modules, "", patterns({"vfat", "ext5", "virtionet"}));
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(),
                testing::HasSubstr("b.yml:2:1: debian.kernel.modules: this kernel has no module 'ext5'"));
    EXPECT_THAT(error.message(),
                testing::HasSubstr("b.yml:3:1: debian.kernel.modules: this kernel has no module 'virtionet'"));
  }
}

TEST(KernelModules, AreIndexedAsDepmodDoes) {
  const auto modules = kernel();
  const auto chosen = select_modules(modules, "", patterns({"virtio_net", "erofs"}));
  EXPECT_EQ(modules_dep(chosen),
            "kernel/crypto/crc32c_generic.ko.xz:\n"
            "kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko\n"
            "kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko\n"
            "kernel/fs/erofs/erofs.ko.xz: kernel/lib/libcrc32c.ko.xz\n"
            "kernel/lib/libcrc32c.ko.xz:\n"
            "kernel/net/core/failover.ko:\n");
  EXPECT_EQ(modules_alias(chosen),
            "alias crypto-crc32c crc32c_generic\nalias crc32c crc32c_generic\nalias virtio:d00000001v* virtio_net\n"
            "alias fs-erofs erofs\n");
  EXPECT_EQ(modules_softdep(chosen), "softdep libcrc32c pre: crc32c\n");
}

TEST(KernelModules, HaveNames) {
  EXPECT_EQ(kernel_module_name("kernel/drivers/char/virtio-rng.ko.xz"), "virtio_rng");
  EXPECT_EQ(kernel_module_name("virtio-rng"), "virtio_rng");
  EXPECT_EQ(kernel_module_name("a/b.ko.zst"), "b");
}

TEST(KernelModules, AreElfFiles) { EXPECT_THROW(read_kernel_module("a.ko", as_bytes("text")), Error); }

}  // namespace
}  // namespace kiln::package
