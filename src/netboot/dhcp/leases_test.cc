#include "netboot/dhcp/leases.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::nanoseconds;

Ipv4Address ip(const char* text) { return *Ipv4Address::parse(text); }

LeaseTable small_table() {
  return LeaseTable{AddressRange::parse("192.0.2.10-192.0.2.13"), {ip("192.0.2.11")}};  // three to give
}

TEST(LeaseTable, GivesEachClientItsOwnAndTheSameAgain) {
  LeaseTable table{AddressRange::parse("192.0.2.10-192.0.2.200"), {}};
  std::set<Ipv4Address> given;
  for (int i = 0; i < 191; ++i) {
    const auto address = table.offer("client " + std::to_string(i), {}, std::nullopt, 1s);
    ASSERT_TRUE(address);
    ASSERT_TRUE(given.insert(*address).second) << address->to_string() << " was given twice";
    ASSERT_EQ(table.offer("client " + std::to_string(i), {}, std::nullopt, 2s), address);
  }
  EXPECT_EQ(table.offer("one too many", {}, std::nullopt, 3s), std::nullopt);
}

TEST(LeaseTable, RemembersAcrossRestarts) {
  LeaseTable before = small_table(), after = small_table();
  EXPECT_EQ(before.offer("a", {}, std::nullopt, 1s), after.offer("a", {}, std::nullopt, 99s));
}

TEST(LeaseTable, NeverGivesWhatIsReserved) {
  LeaseTable table = small_table();
  for (const char* client : {"a", "b", "c"}) {
    EXPECT_NE(table.offer(client, {}, ip("192.0.2.11"), 1s), ip("192.0.2.11"));
  }
  EXPECT_FALSE(table.bind("d", {}, ip("192.0.2.11"), 1h, 1s));
  EXPECT_FALSE(table.bind("d", {}, ip("192.0.2.14"), 1h, 1s)) << "outside of the range";
}

TEST(LeaseTable, GivesWhatIsWantedIfItIsFree) {
  LeaseTable table = small_table();
  EXPECT_EQ(table.offer("a", {}, ip("192.0.2.13"), 1s), ip("192.0.2.13"));
  EXPECT_NE(table.offer("b", {}, ip("192.0.2.13"), 1s), ip("192.0.2.13"));
}

TEST(LeaseTable, OffersAndLeasesExpire) {
  LeaseTable table = small_table();
  const auto address = *table.offer("a", {}, ip("192.0.2.10"), 0s);
  EXPECT_FALSE(table.bind("b", {}, address, 1h, 59s));
  EXPECT_TRUE(table.bind("b", {}, address, 1h, 60s));
  EXPECT_FALSE(table.bind("a", {}, address, 1h, 60s + 59min));
  EXPECT_TRUE(table.bind("b", {}, address, 1h, 60s + 59min)) << "renewed";
  EXPECT_FALSE(table.bind("a", {}, address, 1h, 60s + 118min));
  EXPECT_TRUE(table.bind("a", {}, address, 1h, 60s + 119min));
  EXPECT_EQ(table.leases(60s + 119min).size(), 1U);
  EXPECT_EQ(table.leases(60s + 179min).size(), 0U);
}

TEST(LeaseTable, PrefersAddressesNobodyHad) {
  LeaseTable table = small_table();
  ASSERT_TRUE(table.bind("a", {}, ip("192.0.2.10"), 1min, 0s));
  for (const char* client : {"b", "c"}) EXPECT_NE(table.offer(client, {}, std::nullopt, 2min), ip("192.0.2.10"));
  EXPECT_EQ(table.offer("d", {}, std::nullopt, 2min), ip("192.0.2.10"));
  EXPECT_EQ(table.offer("a", {}, std::nullopt, 2min), std::nullopt) << "it is somebody else's now";
}

TEST(LeaseTable, TakesBack) {
  LeaseTable table = small_table();
  ASSERT_TRUE(table.bind("a", {}, ip("192.0.2.10"), 1h, 0s));
  EXPECT_FALSE(table.release("b", ip("192.0.2.10")));
  EXPECT_FALSE(table.release("a", ip("192.0.2.12")));
  EXPECT_TRUE(table.release("a", ip("192.0.2.10")));
  EXPECT_TRUE(table.leases(1s).empty());
  EXPECT_TRUE(table.bind("b", {}, ip("192.0.2.10"), 1h, 1s));
}

TEST(LeaseTable, LeavesDeclinedAddressesAlone) {
  LeaseTable table = small_table();
  ASSERT_TRUE(table.bind("a", {}, ip("192.0.2.10"), 1h, 0s));
  EXPECT_FALSE(table.decline("b", ip("192.0.2.10"), 1s));
  EXPECT_TRUE(table.decline("a", ip("192.0.2.10"), 1s));
  EXPECT_NE(table.offer("a", {}, ip("192.0.2.10"), 2s), ip("192.0.2.10"));
  EXPECT_FALSE(table.bind("b", {}, ip("192.0.2.10"), 1h, 9min));
  EXPECT_TRUE(table.bind("b", {}, ip("192.0.2.10"), 1h, 11min));
}

TEST(LeaseTable, ForgetsOffersNotTaken) {
  LeaseTable table = small_table();
  table.offer("a", {}, ip("192.0.2.10"), 0s);
  table.withdraw("a");
  table.withdraw("unknown");
  EXPECT_TRUE(table.bind("b", {}, ip("192.0.2.10"), 1h, 1s));
  table.withdraw("b");
  EXPECT_EQ(table.leases(2s).size(), 1U) << "a lease is no offer";
}

TEST(LeaseTable, AnOfferDoesNotShortenALease) {
  LeaseTable table = small_table();
  ASSERT_TRUE(table.bind("a", {}, ip("192.0.2.10"), 1h, 0s));
  EXPECT_EQ(table.offer("a", {}, std::nullopt, 1s), ip("192.0.2.10"));
  EXPECT_EQ(table.find("a", 30min)->state, LeaseTable::State::bound);
}

TEST(LeaseTable, AClientHasOneAddress) {
  LeaseTable table = small_table();
  ASSERT_TRUE(table.bind("a", {}, ip("192.0.2.10"), 1h, 0s));
  ASSERT_TRUE(table.bind("a", {}, ip("192.0.2.12"), 1h, 1s));
  EXPECT_EQ(table.leases(2s).size(), 1U);
  EXPECT_EQ(table.find("a", 2s)->address, ip("192.0.2.12"));
}

TEST(AddressRange, IsReadOrExplained) {
  EXPECT_EQ(AddressRange::parse("192.0.2.5").size(), 1U);
  const auto message = [](const char* text) {
    try {
      AddressRange::parse(text);
      return std::string{"accepted"};
    } catch (const Error& error) {
      return error.message();
    }
  };
  EXPECT_EQ(message("x"), "address range 'x': expected FIRST-LAST, as in 192.0.2.100-192.0.2.200");
  EXPECT_EQ(message("192.0.2.9-192.0.2.8"),
            "address range '192.0.2.9-192.0.2.8': the last address is before the first");
}

}  // namespace
}  // namespace kiln::dhcp
