#include "netboot/tftp/negotiation.h"

#include <gtest/gtest.h>

namespace kiln::tftp {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  std::vector<RequestOption> asked;
  std::vector<RequestOption> accepted;
  std::uint32_t block_size = 512;
  std::uint32_t window_size = 1;
};

class Negotiation : public testing::TestWithParam<Case> {};

TEST_P(Negotiation, AgreesOnWhatIsAllowed) {
  const Terms terms = negotiate({false, "f", "octet", GetParam().asked}, 5'000'000'000, {1468, 16});
  EXPECT_EQ(terms.accepted, GetParam().accepted);
  EXPECT_EQ(terms.block_size, GetParam().block_size);
  EXPECT_EQ(terms.window_size, GetParam().window_size);
}

INSTANTIATE_TEST_SUITE_P(
    Tftp, Negotiation,
    testing::Values(Case{"Nothing", {}, {}}, Case{"SmallBlock", {{"blksize", "8"}}, {{"blksize", "8"}}, 8},
                    Case{"BlockIsLowered", {{"blksize", "65464"}}, {{"blksize", "1468"}}, 1468},
                    Case{"BlockTooSmall", {{"blksize", "7"}}, {}}, Case{"BlockTooLarge", {{"blksize", "65465"}}, {}},
                    Case{"BlockIsNoNumber", {{"blksize", "1k"}}, {}}, Case{"BlockIsEmpty", {{"blksize", ""}}, {}},
                    Case{"BlockIsNegative", {{"blksize", "-512"}}, {}},
                    Case{"Window", {{"windowsize", "4"}}, {{"windowsize", "4"}}, 512, 4},
                    Case{"WindowIsLowered", {{"windowsize", "65535"}}, {{"windowsize", "16"}}, 512, 16},
                    Case{"WindowZero", {{"windowsize", "0"}}, {}},
                    Case{"Size", {{"tsize", "0"}}, {{"tsize", "5000000000"}}},
                    Case{"Timeout", {{"timeout", "3"}}, {{"timeout", "3"}}},
                    Case{"TimeoutZero", {{"timeout", "0"}}, {}}, Case{"TimeoutTooLong", {{"timeout", "256"}}, {}},
                    Case{"Unknown", {{"multicast", ""}, {"tsize", "0"}}, {{"tsize", "5000000000"}}},
                    Case{"GivenTwice", {{"blksize", "1024"}, {"blksize", "512"}}, {{"blksize", "1024"}}, 1024},
                    Case{"AllInTheOrderAsked",
                         {{"tsize", "0"}, {"windowsize", "2"}, {"blksize", "1024"}},
                         {{"tsize", "5000000000"}, {"windowsize", "2"}, {"blksize", "1024"}},
                         1024,
                         2}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(Negotiation, KnowsTimeoutAndSizeAsked) {
  const Terms terms = negotiate({false, "f", "octet", {{"timeout", "3"}, {"tsize", "0"}}}, 1, {1468, 16});
  EXPECT_EQ(terms.timeout, 3s);
  EXPECT_TRUE(terms.size_asked);
}

}  // namespace
}  // namespace kiln::tftp
