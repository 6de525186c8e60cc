#include "net/address.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

TEST(Address, Numeric) {
  Address address;
  EXPECT_TRUE(parse_address("10.0.2.2", 80, address));
  EXPECT_EQ(address_text(address), "10.0.2.2:80");
  EXPECT_TRUE(parse_address("fe80::1", 8080, address));
  EXPECT_EQ(address_text(address), "[fe80::1]:8080");
  for (const char* bad : {"", "10.0.2", "boot", "[::1]", "10.0.2.2 "})
    EXPECT_FALSE(parse_address(bad, 80, address)) << bad;
}

TEST(Address, NumericHostsAskNobody) {
  std::vector<Address> addresses;
  EXPECT_EQ(resolve("::1", 80, Microseconds{}, addresses), "");
  ASSERT_EQ(addresses.size(), 1U);
  EXPECT_EQ(address_text(addresses[0]), "[::1]:80");
}

TEST(Address, LoopbackHasNoMac) {
  Address address;
  ASSERT_TRUE(parse_address("127.0.0.1", 80, address));
  EXPECT_EQ(mac_towards(address), "");
}

TEST(Address, BootInterface) {
  EXPECT_EQ(boot_interface_mac("BOOTIF=01-52-54-00-AB-34-56"), "52:54:00:ab:34:56");
  EXPECT_EQ(boot_interface_mac("BOOTIF=52:54:00:12:34:56"), "52:54:00:12:34:56");
  for (const char* bad : {"bootif=01-52-54-00-12-34-56", "BOOTIF=", "BOOTIF=eth0", "BOOTIF=52-54-00-12-34-5g",
                          "BOOTIF=52-54-00-12-34x56", "BOOTIF=20-52-54-00-12-34-56"})
    EXPECT_EQ(boot_interface_mac(bad), "") << bad;
}

}  // namespace
}  // namespace guest
