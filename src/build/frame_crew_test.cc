#include "build/frame_crew.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/decompress.h"
#include "base/error.h"

namespace kiln::build {
namespace {

/// Bytes that compress somewhat, different for every stream.
std::string sample(unsigned seed, std::size_t size) {
  std::string out;
  std::uint32_t state = seed * 2654435761U + 1;
  while (out.size() < size) {
    state = state * 1664525U + 1013904223U;
    out += concat("entry ", state >> 20, "\n");
  }
  out.resize(size);
  return out;
}

/// Uncompressed, more than is held back while the frames before it are not written.
constexpr std::size_t kLarge = 6'000'000;

/// What `count` streams of frames (and a large entry each) come out as.
std::vector<std::string> render(unsigned threads, const Compression& compression, unsigned count) {
  FrameCrew crew{threads, compression};
  std::vector<StringSink> sinks(count);
  std::vector<std::function<void()>> tasks;
  for (unsigned i = 0; i < count; ++i) {
    tasks.emplace_back([&crew, &sinks, i] {
      FrameCrew::Stream stream{crew, sinks[i]};
      for (unsigned frame = 0; frame < 12; ++frame) {
        std::string raw = stream.buffer();
        raw += sample(i * 100 + frame, 200'000 + 1000 * frame);
        stream.frame(std::move(raw));
        if (frame == 10) {
          std::unique_ptr<Sink> large = stream.begin_large();
          large->write(as_bytes(sample(i, kLarge)));
          stream.end_large(std::move(large));
        }
      }
      stream.drain();
      EXPECT_EQ(stream.size(), sinks[i].text().size());
    });
  }
  crew.run(std::move(tasks));
  std::vector<std::string> out;
  for (StringSink& sink : sinks) out.push_back(sink.take());
  return out;
}

std::string inflated(const std::string& text) {
  MemorySource source{as_bytes(text)};
  return read_text(*archive::decompress(source, "stream"), std::size_t{1} << 30, "stream");
}

std::string expected(unsigned i) {
  std::string out;
  for (unsigned frame = 0; frame < 12; ++frame) {
    out += sample(i * 100 + frame, 200'000 + 1000 * frame);
    if (frame == 10) out += sample(i, kLarge);
  }
  return out;
}

TEST(FrameCrew, WritesEveryStreamInOrderWhateverTheThreads) {
  for (const char* how : {"none", "gzip:1", "zstd:1"}) {
    const Compression compression = Compression::parse(how);
    const std::vector<std::string> alone = render(1, compression, 3);
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(inflated(alone[i]), expected(i)) << how;
    for (const unsigned threads : {2U, 3U, 7U}) EXPECT_EQ(render(threads, compression, 3), alone) << how << threads;
  }
}

struct FullDisk final : Sink {
  void write(Bytes) override { throw Error{"disk is full"}; }
};

TEST(FrameCrew, FailedWriteEndsTheRunWithItsError) {
  for (const unsigned threads : {1U, 2U, 4U}) {
    FrameCrew crew{threads, Compression::parse("zstd:1")};
    FullDisk disk;
    StringSink before, after;
    const auto produce = [&crew](Sink& to) {
      return [&crew, &to] {
        FrameCrew::Stream stream{crew, to};
        for (unsigned i = 0; i < 30; ++i) stream.frame(sample(i, 900'000));
        stream.drain();
      };
    };
    EXPECT_THAT(
        [&] {
          crew.run({produce(before), produce(disk), produce(after)});
        },
        testing::ThrowsMessage<Error>("disk is full"));
  }
}

TEST(FrameCrew, ProducerThatFailsLeavesNothingRunning) {
  FrameCrew crew{2, Compression::parse("zstd:1")};
  StringSink sink;
  EXPECT_THAT(([&] {
                crew.run({[&] {
                  FrameCrew::Stream stream{crew, sink};
                  for (unsigned i = 0; i < 8; ++i) stream.frame(sample(i, 900'000));
                  throw Error{"layer is damaged"};
                }});
              }),
              testing::ThrowsMessage<Error>("layer is damaged"));
}

TEST(Compression, ParsesWhatItPrints) {
  for (const char* text : {"none", "gzip:6", "zstd:19"}) EXPECT_EQ(Compression::parse(text).to_string(), text);
  EXPECT_EQ(Compression::parse("zstd").to_string(), "zstd:3");
  EXPECT_THAT([] { Compression::parse("xz"); },
              testing::ThrowsMessage<Error>("compression 'xz': expected none, gzip[:LEVEL] or zstd[:LEVEL]"));
  EXPECT_THAT([] { Compression::parse("zstd:fast"); },
              testing::ThrowsMessage<Error>("compression 'zstd:fast': expected a number after ':', got 'fast'"));
}

}  // namespace
}  // namespace kiln::build
