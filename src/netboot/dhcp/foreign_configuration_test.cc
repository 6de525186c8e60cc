// What is printed is judged by the servers it is for, where they are installed.

#include "netboot/dhcp/foreign_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

BootSetup setup() {
  BootSetup setup;
  setup.server = *Ipv4Address::parse("192.0.2.1");
  setup.boot_files = {{Architecture::x86_bios, "undionly.kpxe"},
                      {Architecture::arm64_uefi, "ipxe-arm64.efi"},
                      {Architecture::arm64_uefi_http, "http://192.0.2.1/ipxe-arm64.efi"}};
  setup.script_url = "http://192.0.2.1/boot.ipxe";
  return setup;
}

BootSetup setup_with_leases() {
  BootSetup with = setup();
  LeaseOptions leases;
  leases.range = AddressRange::parse("192.0.2.100-192.0.2.200");
  leases.netmask = *Ipv4Address::parse("255.255.255.0");
  leases.router = *Ipv4Address::parse("192.0.2.254");
  leases.name_servers = {*Ipv4Address::parse("192.0.2.53"), *Ipv4Address::parse("192.0.2.54")};
  leases.domain = "example.org";
  with.leases = leases;
  with.interface = "lo";
  return with;
}

TEST(ForeignConfiguration, OfDnsmasq) {
  EXPECT_EQ(dnsmasq_configuration(setup_with_leases()), R"(# Network boot from 192.0.2.1.
interface=lo
dhcp-range=192.0.2.100,192.0.2.200,255.255.255.0,3600
dhcp-option=option:router,192.0.2.254
dhcp-option=option:dns-server,192.0.2.53,192.0.2.54
dhcp-option=option:domain-name,example.org

# iPXE is told its script, whatever the machine.
dhcp-userclass=set:ipxe,iPXE
dhcp-boot=tag:ipxe,http://192.0.2.1/boot.ipxe,,192.0.2.1

# x86 BIOS
dhcp-match=set:arch0,option:client-arch,0
dhcp-boot=tag:arch0,tag:!ipxe,undionly.kpxe,,192.0.2.1

# arm64 UEFI
dhcp-match=set:arch11,option:client-arch,11
dhcp-boot=tag:arch11,tag:!ipxe,ipxe-arm64.efi,,192.0.2.1

# arm64 UEFI HTTP boot
dhcp-match=set:arch19,option:client-arch,19
dhcp-option-force=tag:arch19,tag:!ipxe,60,HTTPClient
dhcp-boot=tag:arch19,tag:!ipxe,http://192.0.2.1/ipxe-arm64.efi,,192.0.2.1
)");
}

TEST(ForeignConfiguration, OfIscDhcpd) {
  EXPECT_EQ(isc_dhcpd_configuration(setup_with_leases()), R"(# Network boot from 192.0.2.1.
option client-architecture code 93 = unsigned integer 16;

next-server 192.0.2.1;
# iPXE is told its script, whatever the machine.
if exists user-class and option user-class = "iPXE" {
  filename "http://192.0.2.1/boot.ipxe";
} elsif option client-architecture = 0 {
  # x86 BIOS
  filename "undionly.kpxe";
} elsif option client-architecture = 11 {
  # arm64 UEFI
  filename "ipxe-arm64.efi";
} elsif option client-architecture = 19 {
  # arm64 UEFI HTTP boot
  option vendor-class-identifier "HTTPClient";
  filename "http://192.0.2.1/ipxe-arm64.efi";
}

subnet 192.0.2.0 netmask 255.255.255.0 {
  range 192.0.2.100 192.0.2.200;
  option routers 192.0.2.254;
  option domain-name-servers 192.0.2.53, 192.0.2.54;
  option domain-name "example.org";
  default-lease-time 3600;
}
)");
}

TEST(ForeignConfiguration, OfKea) {
  const std::string text = kea_configuration(setup_with_leases());
  EXPECT_THAT(text, testing::HasSubstr(R"~("test": "option[93].hex == 0x000b and not member('kiln-ipxe')")~"));
  EXPECT_THAT(text, testing::HasSubstr(R"~("subnet": "192.0.2.0/24")~"));
  EXPECT_THAT(text, testing::HasSubstr(R"~("boot-file-name": "http://192.0.2.1/ipxe-arm64.efi")~"));
}

TEST(ForeignConfiguration, RefusesNamesThatCannotBeWritten) {
  BootSetup bad = setup();
  bad.boot_files[Architecture::arm64_uefi] = "a,b";
  for (const auto& write : {dnsmasq_configuration, isc_dhcpd_configuration, kea_configuration}) {
    try {
      write(bad);
      FAIL() << "was written";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(),
                "boot file 'a,b': cannot be written into another server's configuration; expected a name without "
                "spaces, commas, quotes, semicolons and number signs");
    }
  }
}

/// Where Debian installs servers; a user's PATH may lack it.
bool has(const std::string& program) { return std::ifstream{"/usr/sbin/" + program}.good(); }

struct Judge {
  const char* program;
  const char* arguments;
  std::string (*write)(const BootSetup&);
};

class ForeignJudge : public testing::TestWithParam<Judge> {};

TEST_P(ForeignJudge, AcceptsWhatIsPrinted) {
  const Judge& judge = GetParam();
  if (!has(judge.program)) GTEST_SKIP() << judge.program << " is not installed";
  for (const BootSetup& one : {setup(), setup_with_leases()}) {
    const std::string path = testing::TempDir() + "kiln-dhcp-" + judge.program + ".conf";
    std::ofstream{path} << judge.write(one);
    const std::string command =
        concat("/usr/sbin/", judge.program, " ", judge.arguments, " ", path, " >", path, ".log 2>&1");
    const int status = std::system(command.c_str());
    std::ifstream log{path + ".log"};
    EXPECT_EQ(status, 0) << command << "\n" << judge.write(one) << log.rdbuf();
  }
}

INSTANTIATE_TEST_SUITE_P(Dhcp, ForeignJudge,
                         testing::Values(Judge{"dnsmasq", "--test -C", dnsmasq_configuration},
                                         Judge{"dhcpd", "-t -cf", isc_dhcpd_configuration},
                                         Judge{"kea-dhcp4", "-t", kea_configuration}),
                         [](const auto& row) {
                           std::string name = row.param.program;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace kiln::dhcp
