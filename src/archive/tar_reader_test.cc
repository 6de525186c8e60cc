#include "archive/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/pax.h"
#include "archive/tar_block.h"
#include "archive/test_support.h"
#include "base/error.h"
#include "base/sha256.h"

namespace kiln::archive {
namespace {

using testing::ThrowsMessage;

std::string read_content(TarReader& reader) {
  std::string content;
  for (Bytes some = reader.read(); !some.empty(); some = reader.read()) content += as_text(some);
  return content;
}

std::string dump_details(const TarEntry& entry) {
  std::string out;
  for (const TarExtent& extent : entry.extents)
    out += concat("    data ", extent.file_offset, "+", extent.size, " at ", extent.tar_offset, "\n");
  for (const auto& [name, value] : entry.xattrs) {
    out += concat("    xattr ", name, " =");
    for (char c : value) out += concat(" ", static_cast<unsigned char>(c));
    out += '\n';
  }
  return out;
}

/// One line an entry, as `OFFSET TYPE MODE UID(NAME):GID(NAME) MTIME.NSEC DEVICE SIZE PATH -> LINK CONTENT`, then
/// details.
std::string dump(TarReader& reader) {
  std::string out;
  while (const TarEntry* entry = reader.next()) {
    char mode[16];
    std::snprintf(mode, sizeof mode, "%04o", entry->mode);
    out += concat(entry->offset, " ", entry->type, " ", std::string_view{mode}, " ", entry->uid, "(", entry->user_name,
                  "):", entry->gid, "(", entry->group_name, ") ", entry->mtime, ".", entry->mtime_nsec, " ",
                  entry->rdev_major, ",", entry->rdev_minor, " ", entry->size, " ", entry->path);
    if (!entry->link.empty()) out += concat(" -> ", entry->link);
    const std::string details = dump_details(*entry);
    const std::string content = read_content(reader);
    if (!content.empty()) out += concat(" ", Sha256::of(content).hex().substr(0, 16));
    out += "\n" + details;
  }
  return out + concat("end at ", reader.position(), "\n");
}

std::string dump(std::string_view tar, std::size_t step) {
  ChunkedSource source{tar, step};
  TarReader reader{source};
  return dump(reader);
}

std::vector<std::filesystem::path> tars() {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : std::filesystem::directory_iterator{KILN_TESTDATA "/tar"})
    if (file.path().extension() == ".tar") paths.push_back(file.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

class RealTar : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(RealTar, ReadsAsItsDumpSays) {
  expect_golden(std::filesystem::path{GetParam()}.replace_extension(".txt"), dump(read_file(GetParam()), 1 << 20));
}

TEST_P(RealTar, ReadsTheSameFromShortReads) {
  const std::string tar = read_file(GetParam());
  for (std::size_t step : kSteps) EXPECT_EQ(dump(tar, step), dump(tar, 4096)) << "step " << step;
}

TEST_P(RealTar, ReadsTheSameWhenContentIsSkipped) {
  const std::string tar = read_file(GetParam());
  std::vector<std::uint64_t> offsets;
  MemorySource all{as_bytes(tar)};
  TarReader reading{all};
  while (const TarEntry* entry = reading.next()) {
    offsets.push_back(entry->offset);
    read_content(reading);
  }
  ChunkedSource again{tar, 513};
  TarReader skipping{again};
  for (std::uint64_t offset : offsets) EXPECT_EQ(skipping.next()->offset, offset);
  EXPECT_EQ(skipping.next(), nullptr);
}

TEST_P(RealTar, NoPrefixOfItReadsWell) {
  const std::string tar = read_file(GetParam());
  MemorySource source{as_bytes(tar)};
  TarReader reader{source};
  std::vector<std::uint64_t> ends{0};  // a tar that is cut between two entries cannot be told from a whole one
  while (reader.next() != nullptr) {
    read_content(reader);
    ends.push_back(align_up(reader.position(), 512));
  }
  for (std::size_t size = 0; size < tar.size() && size <= ends.back(); size += 256) {
    const bool between = std::find(ends.begin(), ends.end(), size) != ends.end();
    if (between) {
      EXPECT_NO_THROW(dump(tar.substr(0, size), 4096)) << size;
    } else {
      EXPECT_THROW(dump(tar.substr(0, size), 4096), Error) << size;
    }
  }
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem();
  for (char& c : name)
    if (c == '-' || c == '.') c = '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Tar, RealTar, testing::ValuesIn(tars()), name_of);

// Headers made by hand.

void put(char* field, std::string_view text) { std::copy(text.begin(), text.end(), field); }

/// Fills in the checksum and returns the block's bytes.
std::string sealed(TarBlock block) {
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", static_cast<unsigned>(tar_checksums(block).as_unsigned));
  put(block.checksum, std::string_view{digits, 7});
  block.checksum[7] = ' ';
  return std::string{block.bytes()};
}

TarBlock block(char type, std::string_view name = "x", std::string_view size = "0") {
  TarBlock block = {};
  put(block.name, name);
  put(block.size, size);
  put(block.magic, std::string_view{"ustar\00000", 8});
  block.type = type;
  return block;
}

std::string padded(std::string data) {
  data.append(tar_padding(data.size()), '\0');
  return data;
}

std::string pax(std::vector<PaxRecord> records, char type = 'x') {
  std::string data;
  for (const PaxRecord& record : records) append_pax_record(data, record.key, record.value);
  char size[12];
  std::snprintf(size, sizeof size, "%o", static_cast<unsigned>(data.size()));
  return sealed(block(type, "header", size)) + padded(data);
}

std::string file(std::string_view size = "0") { return sealed(block('0', "f", size)); }

std::string with_bad_checksum() {
  std::string header = file();
  header[0] = 'g';
  return header;
}

std::string with_field(std::size_t offset, std::string_view text) {
  TarBlock header = block('0', "f");
  put(reinterpret_cast<char*>(&header) + offset, text);
  return sealed(header);
}

std::string gnu_sparse(std::string_view offset, std::string_view size, std::string_view real_size) {
  TarBlock header = block('S', "f", "1000");
  auto& tail = *reinterpret_cast<GnuTail*>(header.prefix);
  put(header.magic, std::string_view{"ustar  \0", 8});
  put(tail.sparse[0].offset, offset);
  put(tail.sparse[0].size, size);
  put(tail.real_size, real_size);
  return sealed(header) + std::string(512, 'd');
}

struct BadTar {
  const char* name;
  std::string tar;
  const char* message;
};

const BadTar kBad[] = {
    {"Checksum", with_bad_checksum(), "tar header at byte 0: its checksum is 1109, expected 1110"},
    {"ChecksumText", std::string(512, 'z'), "tar header at byte 0: its checksum is not a number, expected 61744"},
    {"CutInHeader", file().substr(0, 300), "tar header at byte 0: it is cut off after 300 bytes"},
    {"CutInContent", file("10") + "abc", "the tar is cut off at byte 515, in the content of 'f'"},
    {"CutInPadding", file("3") + "abc" + std::string(100, '\0'),
     "the tar is cut off at byte 615, in the content of 'f'"},
    {"UnknownType", sealed(block('Z', "f")), "tar header at byte 0: unknown type 'Z' of 'f'"},
    {"UnprintableType", sealed(block('\x1b', "f")), "tar header at byte 0: unknown type '\\x1b' of 'f'"},
    {"MultiVolume", sealed(block('M', "f")),
     "tar header at byte 0: unknown type 'M' (GNU continuation of a file from another volume) of 'f'"},
    {"Size", file("12x"), "tar header at byte 0: its size is not a number: '12x'"},
    {"SizeNegative", file("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
     "tar header at byte 0: its size is negative"},
    {"SizeOverflow", file("\x80\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"),
     "tar header at byte 0: its size is too large"},
    {"SizeAlmostOverflow", file(std::string_view{"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12}),
     "tar header at byte 0: size 9223372036854775807 is too large"},
    {"Uid", with_field(offsetof(TarBlock, uid), std::string_view{"\x80\0\0\1\0\0\0\0", 8}),
     "tar header at byte 0: uid is 4294967296, which is too large"},
    {"UidNotANumber", with_field(offsetof(TarBlock, uid), "root"),
     "tar header at byte 0: its uid is not a number: 'root'"},
    {"Mtime", with_field(offsetof(TarBlock, mtime), "now"), "tar header at byte 0: its mtime is not a number: 'now'"},
    {"PaxLengthMissing", sealed(block('x', "h", "3")) + padded("a=b") + file(),
     "tar header at byte 1024: pax record at byte 0 of its data: expected its length and a space"},
    {"PaxLengthTooLong", sealed(block('x', "h", "7")) + padded("99 a=b\n") + file(),
     "tar header at byte 1024: pax record at byte 0 of its data: its length is 99, but 7 bytes are left"},
    {"PaxLengthZero", sealed(block('x', "h", "6")) + padded("0 a=b\n") + file(),
     "tar header at byte 1024: pax record at byte 0 of its data: its length is 0, but 6 bytes are left"},
    {"PaxLengthTooShort", sealed(block('x', "h", "6")) + padded("5 a=b\n") + file(),
     "tar header at byte 1024: pax record at byte 0 of its data: expected KEY=VALUE and a newline"},
    {"PaxNoKey", sealed(block('x', "h", "5")) + padded("5 =b\n") + file(),
     "tar header at byte 1024: pax record at byte 0 of its data: expected KEY=VALUE and a newline"},
    {"PaxCut", sealed(block('x', "h", "100")) + "6 a=b\n",
     "tar header at byte 0: the tar is cut off in an extended header"},
    {"PaxOfNothing", pax({{"path", "p"}}),
     "tar header at byte 1024: the tar ends after an extended header that belongs to no entry"},
    {"PaxHuge", sealed(block('x', "h", "77777777")),
     "tar header at byte 0: the extended header has 16777215 bytes, at most 1048576 are accepted"},
    {"PaxSize", pax({{"size", "-1"}}) + file(),
     "tar header at byte 1024: pax record size: expected a number, got '-1'"},
    {"PaxUid", pax({{"uid", "4294967296"}}) + file(), "tar header at byte 1024: uid is 4294967296, which is too large"},
    {"PaxMtime", pax({{"mtime", "1.x"}}) + file(),
     "tar header at byte 1024: pax record mtime: expected a time, got '1.x'"},
    {"PaxCharset", pax({{"hdrcharset", "EBCDIC"}}) + file(),
     "tar header at byte 1024: pax record hdrcharset is 'EBCDIC', expected BINARY or UTF-8"},
    {"PaxPathWithNul", pax({{"path", std::string_view{"a\0b", 3}}}) + file(),
     "tar header at byte 1024: a name in it contains a NUL: 'a\\x00b'"},
    {"XattrNotBase64", pax({{"LIBARCHIVE.xattr.user.a", "?"}}) + file(),
     "tar header at byte 1024: pax record 'LIBARCHIVE.xattr.user.a': its value is not base64"},
    {"XattrWithoutName", pax({{"SCHILY.xattr.", "v"}}) + file(),
     "tar header at byte 1024: an extended attribute has a bad name ''"},
    {"SparseOverlap",
     pax({{"GNU.sparse.size", "20"}, {"GNU.sparse.map", "0,5,4,5"}}) + file("12") + padded("0123456789"),
     "tar header at byte 1024: sparse map: region at 4 of 5 bytes overlaps the one before or exceeds the size 20"},
    {"SparseBeyondSize", gnu_sparse("0", "1000", "777"),
     "tar header at byte 0: sparse map: region at 0 of 512 bytes overlaps the one before or exceeds the size 511"},
    {"SparseOverflow", pax({{"GNU.sparse.size", "20"}, {"GNU.sparse.map", "18446744073709551615,2"}}) + file("2"),
     "tar header at byte 1024: sparse map: region at 18446744073709551615 of 2 bytes overlaps the one before or "
     "exceeds the size 20"},
    {"SparseSum", gnu_sparse("0", "700", "10000"),
     "tar header at byte 0: sparse map: its regions have 448 bytes, but 512 are stored"},
    {"SparseOddMap", pax({{"GNU.sparse.size", "20"}, {"GNU.sparse.map", "0"}}) + file(),
     "tar header at byte 1024: sparse map: expected a number, got ''"},
    {"SparseLostNumber", pax({{"GNU.sparse.numbytes", "5"}}) + file(),
     "tar header at byte 1024: sparse map: GNU.sparse.numbytes without GNU.sparse.offset"},
    {"SparseMapInDataTooLong",
     pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "9"}}) + file("1000") + padded(std::string(512, '1')),
     "tar header at byte 1024: sparse map contains a number of more than 20 digits"},
    {"SparseMapInDataMissing",
     pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "9"}}) + file("3") + padded("1\n"),
     "tar header at byte 1024: sparse map is longer than the entry's content"},
};

TEST(TarReader, SaysWhatIsWrongWithABadTar) {
  for (const BadTar& bad : kBad) {
    SCOPED_TRACE(bad.name);
    try {
      dump(bad.tar, 4096);
      ADD_FAILURE() << "it was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), bad.message);
    }
  }
}

const TarEntry* only_entry(const std::string& tar, std::unique_ptr<MemorySource>& source,
                           std::unique_ptr<TarReader>& reader) {
  source = std::make_unique<MemorySource>(as_bytes(tar));
  reader = std::make_unique<TarReader>(*source);
  return reader->next();
}

TEST(TarReader, SignedChecksumsOfOldTars) {
  TarBlock header = block('0', "\xe9t\xe9");
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", static_cast<unsigned>(tar_checksums(header).as_signed));
  EXPECT_NE(tar_checksums(header).as_signed, tar_checksums(header).as_unsigned);
  put(header.checksum, std::string_view{digits, 7});
  std::unique_ptr<MemorySource> source;
  std::unique_ptr<TarReader> reader;
  EXPECT_EQ(only_entry(std::string{header.bytes()}, source, reader)->path, "\xe9t\xe9");
}

TEST(TarReader, OnlyFilesHaveContent) {
  const std::string tar = sealed(block('5', "d", "1000")) + sealed(block('1', "l", "7")) +
                          sealed(block('2', "s", "3")) + sealed(block('7', "c", "1")) + padded("x");
  EXPECT_EQ(dump(tar, 4096),
            "0 5 0000 0():0() 0.0 0,0 0 d\n"
            "512 1 0000 0():0() 0.0 0,0 0 l\n"
            "1024 2 0000 0():0() 0.0 0,0 0 s\n"
            "1536 0 0000 0():0() 0.0 0,0 1 c 2d711642b726b044\n"
            "    data 0+1 at 2048\n"
            "end at 2560\n");
}

TEST(TarReader, EndsAtAZeroBlockAndReadsTheRest) {
  EXPECT_EQ(dump("", 1), "end at 0\n");
  EXPECT_EQ(dump(std::string(512, '\0'), 1), "end at 512\n");
  EXPECT_EQ(dump(std::string(1024, '\0') + "garbage", 3), "end at 1031\n");
}

TEST(TarReader, StarPrefixEndsWhereItsTimesBegin) {
  TarBlock header = block('0', "name");
  put(header.prefix, "dir");
  put(header.prefix + 131, "14524525777 14524525777 ");
  put(header.padding + 8, "tar");
  std::unique_ptr<MemorySource> source;
  std::unique_ptr<TarReader> reader;
  EXPECT_EQ(only_entry(sealed(header), source, reader)->path, "dir/name");
}

TEST(TarReader, PaxSizeCountsForTheContent) {
  const std::string tar = pax({{"size", "3"}}) + sealed(block('0', "f", "0")) + padded("abc") + sealed(block('0', "g"));
  EXPECT_EQ(dump(tar, 4096),
            "0 0 0000 0():0() 0.0 0,0 3 f ba7816bf8f01cfea\n"
            "    data 0+3 at 1536\n"
            "2048 0 0000 0():0() 0.0 0,0 0 g\n"
            "end at 2560\n");
}

struct NumberCase {
  std::string_view field;
  std::optional<std::int64_t> value;
};
TEST(TarNumber, OctalAndBase256) {
  const NumberCase cases[] = {
      {"0000644", 0644},
      {" 644 ", 0644},
      {std::string_view{"\0\0\0", 3}, 0},
      {"777777777777", 0777777777777},
      {std::string_view{"12\0junk", 7}, 012},
      {"8", std::nullopt},
      {"-1", std::nullopt},
      {std::string_view{"\x80\0\0\0\0\0\1\0", 8}, 256},
      {"\xff\xff\xff\xff\xff\xff\xff\xfe", -2},
      {std::string_view{"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12}, INT64_MAX},
      {std::string_view{"\x80\0\0\0\x80\0\0\0\0\0\0\0", 12}, std::nullopt},
      {std::string_view{"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12}, INT64_MIN},
  };
  for (const NumberCase& c : cases) EXPECT_EQ(tar_number(c.field), c.value) << quote(c.field);
}

TEST(Pax, RecordsCountTheirOwnDigits) {
  for (std::size_t size : {1, 2, 3, 4, 90, 91, 92, 93, 94, 95, 990, 991, 992, 993}) {
    std::string text;
    const std::string value(size, 'v');
    append_pax_record(text, "key", value);
    append_pax_record(text, "next", "");
    const std::vector<PaxRecord> records = parse_pax_records(text);
    ASSERT_EQ(records.size(), 2U) << size;
    EXPECT_EQ(records[0].value, value);
    EXPECT_EQ(records[1].key, "next");
    EXPECT_EQ(std::to_string(text.find('\n') + 1), text.substr(0, text.find(' ')));
  }
}

struct TimeCase {
  std::string_view text;
  std::int64_t seconds;
  std::uint32_t nanoseconds;
};
TEST(Pax, Times) {
  constexpr TimeCase kCases[] = {
      {"0", 0, 0},
      {"1350244992.023960108", 1350244992, 23960108},
      {"1350244992.5", 1350244992, 500000000},
      {"-1.5", -2, 500000000},
      {"-0.25", -1, 750000000},
      {"-3", -3, 0},
  };
  for (const TimeCase& c : kCases) {
    const auto time = parse_pax_time(c.text);
    ASSERT_TRUE(time) << c.text;
    EXPECT_EQ(time->seconds, c.seconds) << c.text;
    EXPECT_EQ(time->nanoseconds, c.nanoseconds) << c.text;
    EXPECT_EQ(format_pax_time(*time), c.text);
  }
  for (std::string_view bad : {"", "x", "1.x", "--1", "1e3", "99999999999999999999"})
    EXPECT_FALSE(parse_pax_time(bad)) << bad;
}

}  // namespace
}  // namespace kiln::archive
