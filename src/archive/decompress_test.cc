#include "archive/decompress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>

#include "archive/compress.h"
#include "archive/test_support.h"
#include "base/error.h"
#include "base/sha256.h"

namespace kiln::archive {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

std::string plain(std::string_view compressed, std::size_t step = 4096, std::size_t read_size = 64 * 1024) {
  ChunkedSource source{compressed, step};
  const std::unique_ptr<Source> decoder = decompress(source, "blob");
  std::string out;
  std::vector<std::byte> buffer(read_size);
  while (const std::size_t got = decoder->read(buffer)) out += as_text(Bytes{buffer}.first(got));
  return out;
}

std::string message_of(std::string_view compressed) {
  try {
    plain(compressed);
  } catch (const Error& error) {
    return error.message();
  }
  return "it was accepted";
}

std::string xz(std::string_view text) {
  std::string out(text.size() + 4096, '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()),
                                    text.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  return out.substr(0, size);
}

std::string frame(Codec codec, std::string_view text) {
  Room room;
  return std::string{as_text(FrameCompressor{codec, default_level(codec)}.compress(as_bytes(text), room))};
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 30000; ++i) text += concat(i * 7919 % 65536, " ");
  return text;
}

struct Format {
  const char* name;
  std::string (*compress)(std::string_view);
};
const Format kFormats[] = {
    {"gzip", [](std::string_view text) { return frame(Codec::gzip, text); }},
    {"zstd", [](std::string_view text) { return frame(Codec::zstd, text); }},
    {"xz", xz},
};

TEST(Decompress, EveryFormatFromShortReadsIntoShortReads) {
  const std::string text = sample();
  for (const Format& format : kFormats) {
    const std::string compressed = format.compress(text) + format.compress("") + format.compress("end");
    for (std::size_t step : kSteps)
      for (std::size_t read_size : {1, 511, 512, 513, 300000})
        EXPECT_EQ(Sha256::of(plain(compressed, step, read_size)), Sha256::of(text + "end"))
            << format.name << " " << step << " " << read_size;
  }
}

TEST(Decompress, WhatIsNotCompressedPassesThrough) {
  for (std::string_view text : {std::string_view{}, std::string_view{"x"}, std::string_view{"\x1f\x8b"},
                                std::string_view{"plain text, longer than any magic number"}})
    EXPECT_EQ(plain(text, 1), text);
}

TEST(Decompress, ZerosMayFollow) {
  for (const Format& format : kFormats)
    EXPECT_EQ(plain(format.compress("text") + std::string(512, '\0')), "text") << format.name;
}

TEST(Decompress, GzipHeaderWithEveryField) {
  // RFC 1952, 2.3: FTEXT, FHCRC, FEXTRA, FNAME, FCOMMENT; then a stored block "hi".
  const std::string head = "\x1f\x8b\x08\x1f\0\0\0\0\0\xff\x04\0abcdname\0comment\0"s;
  std::string member = head;
  const std::uint32_t crc = lzma_crc32(reinterpret_cast<const std::uint8_t*>(head.data()), head.size(), 0);
  member += static_cast<char>(crc & 0xff);
  member += static_cast<char>(crc >> 8 & 0xff);
  member +=
      "\x01\x02\0\xfd\xff"
      "hi\xac\x2a\x93\xd8\x02\0\0\0"s;
  for (std::size_t step : kSteps) EXPECT_EQ(plain(member + frame(Codec::gzip, "!"), step), "hi!") << step;
}

TEST(Decompress, TruncationIsNoticedAtEveryByte) {
  const std::string text = sample().substr(0, 3000);
  for (const Format& format : kFormats) {
    const std::string whole = format.compress(text);
    for (std::size_t size = 6; size < whole.size(); ++size) {
      const std::string expected = concat("blob: ", format.name, " stream is cut off at byte ", size);
      ASSERT_EQ(message_of(std::string_view{whole}.substr(0, size)), expected);
    }
  }
}

TEST(Decompress, DamageIsNoticedWhereverItIs) {
  const std::string text = sample().substr(0, 3000);
  for (const Format& format : kFormats) {
    const std::string whole = format.compress(text);
    for (std::size_t at = 10; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      EXPECT_THROW(plain(damaged), Error) << format.name << " " << at;
    }
  }
}

struct BadCase {
  const char* name;
  std::string data;
  std::string message;
};

TEST(Decompress, SaysWhatIsWrong) {
  const std::string gzip = frame(Codec::gzip, "text"), zstd = frame(Codec::zstd, "text");
  std::string bad_size = gzip;
  bad_size.back() = 1;
  std::string bad_checksum = zstd;
  bad_checksum.back() ^= 1;
  const BadCase cases[] = {
      {"GarbageAfterGzip", gzip + "garbage", "blob: gzip stream ends at byte 27, but other data follows it"},
      {"GarbageAfterPadding", gzip + std::string(5, '\0') + "g",
       "blob: gzip stream ends at byte 32, but other data follows it"},
      {"HalfAMagicAfterGzip", gzip + "\x1f", "blob: gzip stream is cut off at byte 28"},
      {"NotAMemberAfterGzip", gzip + "\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f",
       "blob: gzip stream is damaged at byte 29: not a gzip header"},
      {"GzipSize", bad_size, "blob: gzip stream is damaged at byte 27: wrong checksum or length"},
      {"GarbageAfterZstd", zstd + "garbage",
       concat("blob: zstd stream ends at byte ", zstd.size(), ", but other data follows it")},
      {"ZstdChecksum", bad_checksum,
       "blob: zstd stream is damaged at or after byte 0: Restored data doesn't match checksum"},
      {"ZstdWindow", "\x28\xb5\x2f\xfd\x04\xff\0\0"s,
       "blob: zstd stream is damaged at or after byte 0: Frame requires too much memory for decoding"},
      {"GarbageAfterXz", xz("text") + "garbage that is longer than a header", ""},
      {"Lz4", "\x04\x22\x4d\x18\x64\x40\xa7"s,
       "blob: it is compressed with lz4, expected gzip, zstd, xz or no compression"},
  };
  for (const BadCase& c : cases) {
    if (c.message.empty()) {
      EXPECT_THAT(message_of(c.data), HasSubstr("blob: xz stream is damaged at byte ")) << c.name;
    } else {
      EXPECT_EQ(message_of(c.data), c.message) << c.name;
    }
  }
}

TEST(Decompress, SkippableZstdFrames) {
  const std::string skippable = "\x50\x2a\x4d\x18\x03\0\0\0abc"s;
  EXPECT_EQ(plain(skippable + frame(Codec::zstd, "x") + skippable + frame(Codec::zstd, "y") + skippable), "xy");
  EXPECT_EQ(message_of(skippable.substr(0, 9)), "blob: zstd stream is cut off at byte 9");
}

TEST(Decompress, TellsWhereFramesBegin) {
  const std::string piece(FramePoints::kApart, 'x'), small = "too near to the one before";
  for (const Codec codec : {Codec::gzip, Codec::zstd}) {
    const std::string first = frame(codec, piece), second = frame(codec, small);
    const std::string all = first + second + first + first;
    for (const std::size_t step : {std::size_t{7}, std::size_t{1} << 20}) {
      ChunkedSource source{all, step};
      FramePoints points;
      StringSink out;
      copy(*decompress(source, "blob", &points), out);
      EXPECT_EQ(out.text(), piece + small + piece + piece);
      const std::uint64_t third = first.size() + second.size(), third_plain = piece.size() + small.size();
      EXPECT_THAT(points.all(), testing::ElementsAre(FramePoint{first.size(), piece.size()},
                                                     FramePoint{third + first.size(), third_plain + piece.size()}));
      for (const FramePoint& point : points.all())
        EXPECT_EQ(plain(std::string_view{all}.substr(point.compressed)), out.text().substr(point.uncompressed));
    }
  }
  const std::string one = frame(Codec::zstd, sample());
  ChunkedSource source{one, 4096};
  FramePoints none;
  StringSink out;
  copy(*decompress(source, "blob", &none), out);
  EXPECT_TRUE(none.all().empty()) << "one frame has no other entry than its start";
}

TEST(DetectCompression, Magics) {
  EXPECT_EQ(detect_compression(as_bytes(frame(Codec::gzip, ""))), Compression::gzip);
  EXPECT_EQ(detect_compression(as_bytes(frame(Codec::zstd, ""))), Compression::zstd);
  EXPECT_EQ(detect_compression(as_bytes(xz(""))), Compression::xz);
  EXPECT_EQ(detect_compression(as_bytes("\x02\x21\x4c\x18 legacy")), Compression::lz4);
  EXPECT_EQ(detect_compression(as_bytes("070701")), Compression::none);
  EXPECT_EQ(detect_compression({}), Compression::none);
}

}  // namespace
}  // namespace kiln::archive
