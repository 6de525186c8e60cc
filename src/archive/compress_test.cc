#include "archive/compress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <iostream>

#include "archive/decompress.h"
#include "archive/test_support.h"
#include "base/child_process.h"
#include "base/error.h"
#include "base/sha256.h"

namespace kiln::archive {
namespace {

/// Text that compresses about as programs do, the same every time.
std::string sample(std::size_t size) {
  std::string text;
  std::uint32_t state = 12345;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += concat("line ", state >> 20, " of ", state >> 28, (state >> 8) % 7 == 0 ? "\n" : " ");
  }
  text.resize(size);
  return text;
}

std::string plain(const std::string& compressed) {
  MemorySource source{as_bytes(compressed)};
  StringSink sink;
  copy(*decompress(source, "test"), sink);
  return sink.take();
}

/// One frame, with the room that other calls leave behind.
std::string framed(FrameCompressor& compressor, std::string_view text) {
  Room room;
  std::ranges::fill(room.make(10), std::byte{0xee});
  return std::string{as_text(compressor.compress(as_bytes(text), room))};
}

struct LevelCase {
  Codec codec;
  int level;
};
constexpr LevelCase kLevels[] = {{Codec::none, 0}, {Codec::gzip, 1}, {Codec::gzip, 6},  {Codec::gzip, 12},
                                 {Codec::zstd, 1}, {Codec::zstd, 3}, {Codec::zstd, 19}, {Codec::zstd, 22}};

TEST(FrameCompressor, FramesDecompressAloneAndTogether) {
  const std::string a = sample(100000), b = sample(17);
  for (const auto& [codec, level] : kLevels) {
    SCOPED_TRACE(concat(codec_name(codec), " ", level));
    FrameCompressor compressor{codec, level};
    const std::string first = framed(compressor, a);
    EXPECT_EQ(plain(first), a);
    EXPECT_TRUE(codec == Codec::none || first.size() < a.size() / 3) << first.size();
    EXPECT_EQ(plain(first + framed(compressor, b) + framed(compressor, {})), a + b);
  }
}

TEST(FrameCompressor, FrameDoesNotDependOnTheOnesBefore) {
  for (const auto& [codec, level] : kLevels) {
    FrameCompressor used{codec, level}, fresh{codec, level};
    framed(used, sample(100000));
    EXPECT_EQ(framed(used, sample(5000)), framed(fresh, sample(5000))) << codec_name(codec) << level;
  }
}

TEST(FrameCompressor, KernelsCanDecodeTheWindow) {
  const std::string text = sample(1 << 10) + std::string(20 << 20, 'z');
  for (int level : {1, 3, 19, 22}) {
    FrameCompressor compressor{Codec::zstd, level};
    const std::string out = framed(compressor, text);
    // RFC 8878, 3.1.1.1: no single segment flag, then the window descriptor's exponent.
    const auto descriptor = static_cast<unsigned char>(out[4]);
    const bool single_segment = (descriptor & 0x20) != 0;
    const unsigned window_log = 10 + (static_cast<unsigned char>(out[5]) >> 3);
    EXPECT_FALSE(single_segment);
    EXPECT_LE(window_log, 23U) << level;
    EXPECT_EQ(descriptor & 4, 4) << "no checksum";
    EXPECT_NE(ZSTD_getFrameContentSize(out.data(), out.size()), ZSTD_CONTENTSIZE_UNKNOWN);
  }
}

TEST(FrameCompressor, RefusesLevelsThatDoNotExist) {
  EXPECT_THAT([] { FrameCompressor(Codec::gzip, 13); },
              testing::ThrowsMessage<Error>("gzip has no compression level 13, expected 1 to 12"));
  EXPECT_THAT([] { FrameCompressor(Codec::zstd, 0); },
              testing::ThrowsMessage<Error>("zstd has no compression level 0, expected 1 to 22"));
}

std::string streamed(Codec codec, int level, const std::string& text, std::size_t step, unsigned threads) {
  StringSink sink;
  StreamCompressor compressor{codec, level, sink, threads};
  for (std::size_t at = 0; at < text.size(); at += step)
    compressor.write(as_bytes(std::string_view{text}.substr(at, step)));
  compressor.finish();
  return sink.take();
}

TEST(StreamCompressor, BytesDoNotDependOnThreadsOrCalls) {
  const std::string text = sample(6 << 20);
  for (const auto& [codec, level] : {LevelCase{Codec::none, 0}, {Codec::gzip, 6}, {Codec::zstd, 1}, {Codec::zstd, 3}}) {
    SCOPED_TRACE(codec_name(codec));
    const std::string expected = streamed(codec, level, text, text.size(), 1);
    EXPECT_EQ(plain(expected), text);
    for (std::size_t step : {std::size_t{10000}, std::size_t{3000001}})
      for (unsigned threads : {1U, 3U})
        EXPECT_EQ(Sha256::of(streamed(codec, level, text, step, threads)), Sha256::of(expected))
            << step << " " << threads;
  }
}

TEST(StreamCompressor, MakesOneFrame) {
  const std::string zstd = streamed(Codec::zstd, 3, sample(9 << 20), 1 << 20, 2);
  EXPECT_EQ(ZSTD_findFrameCompressedSize(zstd.data(), zstd.size()), zstd.size());
  EXPECT_EQ(plain(streamed(Codec::zstd, 3, "", 1, 1)), "");
  EXPECT_EQ(plain(streamed(Codec::gzip, 9, "", 1, 1)), "");
}

struct Tool {
  Codec codec;
  const char* program;
};

TEST(Compressors, ForeignToolsDecompress) {
  const std::string text = sample(500000);
  for (const Tool& tool : {Tool{Codec::gzip, "gzip"}, Tool{Codec::zstd, "zstd"}}) {
    if (!find_program(tool.program)) {
      std::cout << "skipped: " << tool.program << " is not installed\n";
      continue;
    }
    FrameCompressor compressor{tool.codec, default_level(tool.codec)};
    EXPECT_EQ(
        run_checked({{tool.program, "-dc"}, {}, {}, framed(compressor, text) + streamed(tool.codec, 6, text, 4096, 2)}),
        text + text);
  }
}

TEST(Codec, Names) {
  for (Codec codec : {Codec::none, Codec::gzip, Codec::zstd}) EXPECT_EQ(parse_codec(codec_name(codec)), codec);
  EXPECT_EQ(parse_codec("lzma"), std::nullopt);
}

}  // namespace
}  // namespace kiln::archive
