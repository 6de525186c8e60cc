#include "http/range.h"

#include <gtest/gtest.h>

#include <ostream>

namespace kiln::http {

void PrintTo(const Range& range, std::ostream* out) { *out << range.first << '+' << range.size; }

namespace {

using Ranges = std::vector<Range>;

struct RangeCase {
  const char* header;
  std::uint64_t size;
  std::optional<Ranges> expected;
};

const RangeCase kCases[] = {
    {"bytes=0-0", 10, Ranges{{0, 1}}},
    {"bytes=2-5", 10, Ranges{{2, 4}}},
    {"BYTES = 2-5", 10, Ranges{{2, 4}}},
    {"bytes=2-", 10, Ranges{{2, 8}}},
    {"bytes=-3", 10, Ranges{{7, 3}}},
    {"bytes=-30", 10, Ranges{{0, 10}}},
    {"bytes=5-99999999999999999", 10, Ranges{{5, 5}}},
    {"bytes=0-1, 4-5 ,-1", 10, Ranges{{0, 2}, {4, 2}, {9, 1}}},
    {"bytes=4-5,0-1", 10, Ranges{{4, 2}, {0, 2}}},
    {"bytes=10-", 10, Ranges{}},
    {"bytes=-0", 10, Ranges{}},
    {"bytes=0-", 0, Ranges{}},
    {"bytes=-5", 0, Ranges{}},
    {"bytes=0-1,20-", 10, Ranges{{0, 2}}},
    // Not served as ranges.
    {"bytes=", 10, std::nullopt},
    {"bytes=,", 10, std::nullopt},
    {"bytes", 10, std::nullopt},
    {"items=0-1", 10, std::nullopt},
    {"bytes=5-2", 10, std::nullopt},
    {"bytes=a-b", 10, std::nullopt},
    {"bytes=1", 10, std::nullopt},
    {"bytes=-", 10, std::nullopt},
    {"bytes=1-2-3", 10, std::nullopt},
    {"bytes=+1-2", 10, std::nullopt},
    {"bytes=18446744073709551616-", 10, std::nullopt},
    {"bytes=0-5,5-9", 10, std::nullopt},
    {"bytes=0-,0-", 10, std::nullopt},
    {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16,17-17,18-18,19-19,20-20,"
     "21-21,22-22,23-23,24-24,25-25,26-26,27-27,28-28,29-29,30-30,31-31,32-32",
     100, std::nullopt},
};

TEST(Range, Headers) {
  for (const RangeCase& one : kCases) EXPECT_EQ(parse_ranges(one.header, one.size), one.expected) << one.header;
}

}  // namespace
}  // namespace kiln::http
