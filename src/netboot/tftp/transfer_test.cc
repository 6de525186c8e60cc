#include "netboot/tftp/transfer.h"

#include <gtest/gtest.h>

namespace kiln::tftp {
namespace {

using namespace std::chrono_literals;
using State = Transfer::State;

/// A transfer with its time, and what it wants sent as text: "O" for options, "3-5" for blocks.
struct Rig {
  explicit Rig(Terms terms, std::uint64_t size) : transfer{terms, size, 30s, 0ns} {}

  std::string send() {
    std::string out;
    if (transfer.options_due()) {
      transfer.options_sent(now);
      out = "O";
    }
    if (const std::uint32_t blocks = transfer.blocks_due(); blocks > 0) {
      const std::uint64_t first = transfer.first_due();
      out += std::to_string(first) + "-" + std::to_string(first + blocks - 1);
      transfer.sent(blocks, now);
    }
    return out;
  }
  std::string acknowledge(std::uint16_t block, std::chrono::nanoseconds later = 10ms) {
    now += later;
    transfer.on_acknowledge(block, now);
    return send();
  }
  std::string wait() {
    now = transfer.deadline();
    transfer.on_time(now);
    return send();
  }

  Transfer transfer;
  std::chrono::nanoseconds now{};
};

Terms terms(std::uint32_t block_size, std::uint32_t window_size) {
  Terms terms;
  terms.block_size = block_size;
  terms.window_size = window_size;
  terms.accepted = {{"blksize", "?"}};
  return terms;
}

TEST(Transfer, WithoutOptionsStartsWithData) {
  Rig rig{Terms{}, 1025};
  EXPECT_EQ(rig.send(), "1-1");
  EXPECT_EQ(rig.acknowledge(1), "2-2");
  EXPECT_EQ(rig.acknowledge(2), "3-3");
  EXPECT_EQ(rig.transfer.size_of(3), 1U);
  EXPECT_EQ(rig.acknowledge(3), "");
  EXPECT_EQ(rig.transfer.state(), State::complete);
  EXPECT_EQ(rig.transfer.acknowledged_bytes(), 1025U);
}

TEST(Transfer, EndsWithAnEmptyBlockIfTheSizeIsAMultiple) {
  Rig rig{Terms{}, 512};
  EXPECT_EQ(rig.send(), "1-1");
  EXPECT_EQ(rig.acknowledge(1), "2-2");
  EXPECT_EQ(rig.transfer.size_of(2), 0U);
  EXPECT_EQ(rig.acknowledge(2), "");
  EXPECT_EQ(rig.transfer.state(), State::complete);
}

TEST(Transfer, OfNothingIsOneEmptyBlock) {
  Rig rig{Terms{}, 0};
  EXPECT_EQ(rig.send(), "1-1");
  EXPECT_EQ(rig.transfer.size_of(1), 0U);
  EXPECT_EQ(rig.acknowledge(1), "");
  EXPECT_EQ(rig.transfer.state(), State::complete);
}

TEST(Transfer, OptionsComeFirstAndAreRepeated) {
  Rig rig{terms(100, 4), 1000};
  EXPECT_EQ(rig.send(), "O");
  EXPECT_EQ(rig.acknowledge(7), "");
  EXPECT_EQ(rig.wait(), "O");
  EXPECT_EQ(rig.acknowledge(0), "1-4");
}

TEST(Transfer, SendsWindows) {
  Rig rig{terms(100, 4), 1000};
  rig.send();
  EXPECT_EQ(rig.acknowledge(0), "1-4");
  EXPECT_EQ(rig.acknowledge(4), "5-8");
  EXPECT_EQ(rig.acknowledge(8), "9-11");
  EXPECT_EQ(rig.acknowledge(11), "");
  EXPECT_EQ(rig.transfer.state(), State::complete);
  EXPECT_EQ(rig.transfer.blocks_resent(), 0U);
}

TEST(Transfer, GoesOnBehindAGap) {
  Rig rig{terms(100, 4), 1000};
  rig.send();
  rig.acknowledge(0);
  EXPECT_EQ(rig.acknowledge(2), "3-6");
  EXPECT_EQ(rig.transfer.blocks_resent(), 2U);
  EXPECT_EQ(rig.acknowledge(2), "") << "edk2 says so for each block behind the gap";
  EXPECT_EQ(rig.acknowledge(6), "7-10");
}

TEST(Transfer, SendsAWindowAgainIfItsFirstBlockWasLost) {
  Rig rig{terms(100, 4), 10000};
  rig.send();
  rig.acknowledge(0);
  EXPECT_EQ(rig.acknowledge(4), "5-8");
  EXPECT_EQ(rig.acknowledge(4, 1ms), "") << "an echo: no answer can be here so soon";
  EXPECT_EQ(rig.acknowledge(4, 10ms), "5-8");
  EXPECT_EQ(rig.acknowledge(4, 10ms), "") << "once";
  EXPECT_EQ(rig.acknowledge(8), "9-12");
  EXPECT_EQ(rig.acknowledge(8, 50ms), "") << "may be an echo of what was sent twice";
  EXPECT_EQ(rig.acknowledge(12), "13-16");
  EXPECT_EQ(rig.acknowledge(12, 50ms), "13-16");
}

TEST(Transfer, IgnoresDuplicatesWithAWindowOfOne) {
  Rig rig{Terms{}, 10000};
  rig.send();
  EXPECT_EQ(rig.acknowledge(1), "2-2");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rig.acknowledge(1, 19ms), "");
  EXPECT_EQ(rig.acknowledge(0), "");
  EXPECT_EQ(rig.acknowledge(3), "") << "was not sent yet";
  EXPECT_EQ(rig.acknowledge(2), "3-3");
}

TEST(Transfer, WaitsLongerEachTime) {
  Rig rig{Terms{}, 10000};
  rig.send();
  rig.acknowledge(1);
  std::vector<std::chrono::nanoseconds> waits;
  while (!rig.transfer.ended()) {
    const std::chrono::nanoseconds before = rig.now;
    rig.wait();
    waits.push_back(rig.now - before);
  }
  EXPECT_EQ(rig.transfer.state(), State::silent);
  EXPECT_EQ(waits, (std::vector<std::chrono::nanoseconds>{200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s, 5s, 5s, 5s}));
}

TEST(Transfer, KeepsToTheTimeoutAgreedOn) {
  Terms agreed;
  agreed.timeout = 7s;
  Rig rig{agreed, 10000};
  rig.send();
  rig.acknowledge(1);
  int waits = 0;
  for (; !rig.transfer.ended(); ++waits) {
    const std::chrono::nanoseconds before = rig.now;
    rig.wait();
    EXPECT_EQ(rig.now - before, 7s);
  }
  EXPECT_EQ(waits, 6);
}

TEST(Transfer, GivesUpSoonerWhenOnlyTheLastAcknowledgementIsMissing) {
  Rig rig{Terms{}, 100};
  rig.send();
  while (!rig.transfer.ended()) rig.wait();
  EXPECT_EQ(rig.transfer.state(), State::unconfirmed);
  EXPECT_EQ(rig.transfer.blocks_resent(), 5U);
}

TEST(Transfer, BlockNumbersGoRound) {
  Rig rig{terms(8, 64), 8 * 200'000};
  rig.send();
  std::string sent = rig.acknowledge(0);
  std::uint64_t acknowledged = 0;
  while (!rig.transfer.ended()) {
    ASSERT_EQ(sent, std::to_string(acknowledged + 1) + "-" +
                        std::to_string(std::min<std::uint64_t>(acknowledged + 64, 200'001)));
    acknowledged = std::min<std::uint64_t>(acknowledged + 64, 200'001);
    sent = rig.acknowledge(static_cast<std::uint16_t>(acknowledged));
  }
  EXPECT_EQ(rig.transfer.state(), State::complete);
}

}  // namespace
}  // namespace kiln::tftp
