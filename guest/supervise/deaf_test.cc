#include "supervise/deaf.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

TEST(Deaf, OnlyANamespacesFirstProcessWithoutAHandler) {
  constexpr char kDeaf[] = "Name:\tsleep\nNSpid:\t231\t1\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000000000\n";
  constexpr char kCatches[] = "NSpid:\t231\t1\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000004000\n";
  constexpr char kBlocks[] = "NSpid:\t231\t1\nSigBlk:\t0000000000004000\nSigCgt:\t0000000000000000\n";
  constexpr char kHostPid[] = "NSpid:\t231\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000000000\n";
  constexpr char kSecond[] = "NSpid:\t231\t2\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000000000\n";
  EXPECT_TRUE(is_deaf(kDeaf, 15));
  EXPECT_FALSE(is_deaf(kCatches, 15));
  EXPECT_TRUE(is_deaf(kCatches, 2));
  EXPECT_FALSE(is_deaf(kBlocks, 15));
  EXPECT_FALSE(is_deaf(kHostPid, 15));
  EXPECT_FALSE(is_deaf(kSecond, 15));
  EXPECT_FALSE(is_deaf("", 15));
}

}  // namespace
}  // namespace guest
