#include "netboot/machines.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "netboot/diagnosis.h"
#include "netboot/mac_address.h"

namespace kiln::netboot {
namespace {

using namespace std::chrono_literals;

struct FakeClock final : Clock {
  std::chrono::nanoseconds time{1000s};
  std::chrono::nanoseconds now() const override { return time; }
};

MacAddress mac(std::uint32_t number) {
  MacAddress address{{2, 0, 0, 0, 0, 0}};
  for (int i = 0; i < 4; ++i)
    address.bytes[static_cast<std::size_t>(5 - i)] = static_cast<std::uint8_t>(number >> 8 * i);
  return address;
}

event::Asked asked() { return {"arm64 UEFI", "arm64", "4c4c4544", "10.0.0.7", false}; }
event::Scripted scripted() { return {"web-1", "web", "", "C7", "arm64", "10.0.0.7", 1 << 30, 30 << 20, 40 << 20}; }

/// Everything a boot does, a second each.
void boot(Machines& machines, FakeClock& clock, const MacAddress& address) {
  for (const Event& event : std::initializer_list<Event>{
           asked(), event::Offered{"ipxe-arm64.efi by TFTP"}, event::Began{Stage::tftp, "ipxe-arm64.efi", 1000},
           event::Moved{Stage::tftp, 1000}, event::Ended{Stage::tftp, "ipxe-arm64.efi"},
           event::Asked{"iPXE", "arm64", "", "10.0.0.7", true}, scripted(),
           event::Began{Stage::kernel, "kernel", 30 << 20}, event::Moved{Stage::kernel, 30 << 20},
           event::Ended{Stage::kernel, "kernel"}, event::Began{Stage::initramfs, "s1", 40 << 20},
           event::Moved{Stage::initramfs, 40 << 20}, event::Ended{Stage::initramfs, "s1"},
           event::Reported{"running"}}) {
    clock.time += 1s;
    machines.apply(address, event);
  }
}

TEST(Machines, ABootFromItsFirstPacketToItsReport) {
  FakeClock clock;
  Machines machines{clock};
  boot(machines, clock, mac(1));
  const Machine& machine = *machines.find(mac(1));
  EXPECT_EQ(machine.stage, Stage::booted);
  EXPECT_EQ(machine.name, "web-1");
  EXPECT_EQ(machine.firmware, "arm64 UEFI");  // iPXE's own question does not replace it
  EXPECT_EQ(machine.serial, "C7");
  EXPECT_EQ(machine.report, "running");
  EXPECT_EQ(machine.sent_total, 1000u + (70u << 20));
  EXPECT_EQ(machine.boots, 1u);
  EXPECT_EQ(machine.transfers, 0u);
  std::vector<std::chrono::seconds> times;
  for (const auto& reached : machine.reached)
    times.push_back(std::chrono::duration_cast<std::chrono::seconds>(*reached));
  EXPECT_EQ(times, (std::vector<std::chrono::seconds>{1001s, 1003s, 1007s, 1008s, 1011s, 1014s}));
  EXPECT_EQ(machines.find_by_ip("10.0.0.7"), &machine);
}

TEST(Machines, FirmwareThatAsksAgainBeginsAnew) {
  FakeClock clock;
  Machines machines{clock};
  boot(machines, clock, mac(1));
  machines.apply(mac(1), event::Failed{Stage::kernel, "kernel", "client closed the connection"});
  const Machine& machine = machines.apply(mac(1), asked());
  EXPECT_EQ(machine.stage, Stage::dhcp);
  EXPECT_EQ(machine.boots, 2u);
  EXPECT_EQ(machine.sent, (std::array<std::uint64_t, kStages>{}));
  EXPECT_EQ(machine.sent_total, 1000u + (70u << 20));
  EXPECT_EQ(machine.error, "");
  EXPECT_FALSE(machine.has_reached(Stage::booted));
}

TEST(Machines, TextFromTheNetworkIsClippedAndPrintable) {
  FakeClock clock;
  Machines machines{clock};
  event::Asked wild = asked();
  wild.uuid = "\x1b[2J<script>" + std::string(5000, 'x');
  const Machine& machine = machines.apply(mac(1), wild);
  EXPECT_EQ(machine.uuid.substr(0, 13), "?[2J<script>x");
  EXPECT_LE(machine.uuid.size(), 210u);
}

TEST(Machines, AnAddressBelongsToWhoHadItLast) {
  FakeClock clock;
  Machines machines{clock};
  machines.apply(mac(1), asked());
  machines.apply(mac(2), asked());
  EXPECT_EQ(machines.find_by_ip("10.0.0.7")->mac, mac(2));
  event::Asked moved = asked();
  moved.ip = "10.0.0.8";
  machines.apply(mac(1), moved);
  EXPECT_EQ(machines.find_by_ip("10.0.0.7")->mac, mac(2));
  EXPECT_EQ(machines.find_by_ip("10.0.0.8")->mac, mac(1));
}

TEST(Machines, AFloodOfInventedAddressesPushesOutNoRealMachine) {
  FakeClock clock;
  Machines machines{clock, 100};
  for (std::uint32_t i = 0; i < 50; ++i) boot(machines, clock, mac(i));
  for (std::uint32_t i = 1000; i < 101000; ++i) machines.apply(mac(i), asked());
  EXPECT_EQ(machines.size(), 100u);
  EXPECT_EQ(machines.forgotten(), 99950u);
  for (std::uint32_t i = 0; i < 50; ++i) EXPECT_NE(machines.find(mac(i)), nullptr) << i;
  EXPECT_NE(machines.find(mac(100999)), nullptr);
  EXPECT_EQ(machines.list().front()->mac, mac(0));
}

struct DiagnosisCase {
  const char* name;
  std::vector<Event> events;
  std::chrono::seconds silence;
  const char* expected;  ///< how it begins; null: none
};

const DiagnosisCase kDiagnoses[] = {
    {"OfferJustMade", {asked(), event::Offered{"x by TFTP"}}, 17s, nullptr},
    {"OfferNotTaken",
     {asked(), event::Offered{"ipxe-arm64.efi by TFTP"}, asked()},
     27s,
     "asked 2 times and was offered ipxe-arm64.efi by TFTP, but loads nothing for 27.0 s now: the firmware took no "
     "offer"},
    {"NothingOffered", {asked()}, 60s, nullptr},
    {"TransferStuck",
     {asked(), event::Began{Stage::tftp, "ipxe-arm64.efi", 10}},
     21s,
     "takes no more of 'ipxe-arm64.efi' for 21.0 s"},
    {"ProgramDidNotStart",
     {asked(), event::Began{Stage::tftp, "ipxe-arm64.efi", 10}, event::Ended{Stage::tftp, "ipxe-arm64.efi"}},
     50s,
     "loaded 'ipxe-arm64.efi', but asked for no script for 50.0 s"},
    {"ScriptButNoKernel", {scripted()}, 21s, "fetched its script, but no kernel for 21.0 s"},
    {"PartOfTheInitramfs",
     {scripted(), event::Began{Stage::initramfs, "s1", 10 << 20}, event::Moved{Stage::initramfs, 10 << 20},
      event::Ended{Stage::initramfs, "s1"}},
     21s,
     "has 10.5 MB of 41.9 MB of the initramfs, and fetched nothing for 21.0 s"},
    {"SilentKernel",
     {scripted(), event::Began{Stage::initramfs, "s1", 40 << 20}, event::Moved{Stage::initramfs, 40 << 20},
      event::Ended{Stage::initramfs, "s1"}},
     301s,
     "has all files, but did not call home for 5 min 01 s"},
    {"Booted", {scripted(), event::Reported{"running"}}, 3600s, nullptr},
    {"ErrorAlreadySaid", {asked(), event::Refused{"no system for it"}}, 3600s, nullptr},
};

class Diagnoses : public testing::TestWithParam<DiagnosisCase> {};
TEST_P(Diagnoses, SayWhatIsMissing) {
  FakeClock clock;
  Machines machines{clock};
  for (const Event& event : GetParam().events) machines.apply(mac(1), event);
  const auto diagnosis = diagnose(*machines.find(mac(1)), clock.time + GetParam().silence);
  if (GetParam().expected == nullptr) {
    EXPECT_EQ(diagnosis.value_or("none"), "none");
  } else {
    const std::string expected = GetParam().expected;
    EXPECT_EQ(diagnosis.value_or("none").substr(0, expected.size()), expected);
  }
}
INSTANTIATE_TEST_SUITE_P(Machines, Diagnoses, testing::ValuesIn(kDiagnoses),
                         [](const auto& row) { return row.param.name; });

TEST(MacAddress, IsReadInEverySpelling) {
  for (const char* text : {"52:54:00:AB:cd:01", "52-54-00-ab-cd-01", "525400abcd01"}) {
    EXPECT_EQ(MacAddress::parse(text).value_or(MacAddress{}).to_string(), "52:54:00:ab:cd:01") << text;
  }
  EXPECT_EQ(MacAddress::parse("525400abcd01")->to_hyphens(), "52-54-00-ab-cd-01");
  for (const char* text :
       {"", "52:54:00:ab:cd", "52:54:00:ab:cd:0g", "52:54-00:ab:cd:01", "52 54 00 ab cd 01", "525400abcd0"}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace kiln::netboot
