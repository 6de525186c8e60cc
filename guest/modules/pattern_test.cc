#include "modules/pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace guest {
namespace {

struct Case {
  const char* pattern;
  const char* text;
  bool matches;
};

constexpr Case kCases[] = {
    {"pci:v00008086d000010D3sv*sd*bc*sc*i*", "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00", true},
    {"pci:v00008086d000010D3sv*sd*bc*sc*i*", "pci:v00008086d000010D4sv00008086sd00000000bc02sc00i00", false},
    {"pci:v*d*sv*sd*bc01sc06i01*", "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01", true},
    {"virtio:d00000001v*", "virtio:d00000001v00001AF4", true},
    {"virtio:d00000001v*", "virtio:d00000010v00001AF4", false},
    {"of:N*T*Cvirtio,mmio", "of:Nvirtio_mmioT(null)Cvirtio,mmio", true},
    {"of:N*T*Cvirtio,mmioC*", "of:Nvirtio_mmioT(null)Cvirtio,mmio", false},
    {"acpi*:LNXPWRBN:*", "acpi:LNXPWRBN:", true},
    {"usb:v*p*d*dc*dsc*dp*ic08isc06ip50in*", "usb:v0781p5567d0100dc00dsc00dp00ic08isc06ip50in00", true},
    {"usb:v0B05p*d00[0-9]*dc*", "usb:v0B05p1234d0042dc00", true},
    {"x[!a-c]z", "xdz", true},
    {"x[!a-c]z", "xbz", false},
    {"x[]]z", "x]z", true},
    {"x[a", "xa", false},
    {"?", "", false},
    {"*", "", true},
    {"", "", true},
    {"", "a", false},
    {"a*b*c", "aXbYbZc", true},
    {"a*b*c", "aXbYbZ", false},
};

TEST(Pattern, Matches) {
  for (const Case& row : kCases)
    EXPECT_EQ(matches_pattern(row.pattern, row.text), row.matches) << row.pattern << " " << row.text;
}

TEST(Pattern, StaysQuickOnManyStars) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(matches_pattern(pattern + "b", std::string(5000, 'a')));  // exponential matchers never return
}

}  // namespace
}  // namespace guest
