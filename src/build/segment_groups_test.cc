#include "build/segment_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace kiln::build {
namespace {

class SegmentGroups : public testing::Test {
 protected:
  SegmentFile segment(const std::string& text) {
    AtomicFile file = cache_.create(Sha256::of(text));
    file.sink().write(as_bytes(text));
    return cache_.store(std::move(file), text.size());
  }
  std::vector<SegmentFile> segments(unsigned count) {
    std::vector<SegmentFile> out;
    for (unsigned i = 0; i < count; ++i) {
      out.push_back(segment(concat(std::string(4 + i % 7 * (i % 5 == 0 ? 40'000 : 4), 'x'), i)));
    }
    return out;
  }
  static std::string joined(const std::vector<SegmentFile>& segments) {
    std::string text;
    for (const SegmentFile& segment : segments) text += read_file(segment.path).substr(0, segment.size);
    return text;
  }

  TempDir directory_;
  oci::Store store_{directory_.path() / "store"};
  SegmentCache cache_{store_};
};

TEST_F(SegmentGroups, FewStayAsTheyAre) {
  const std::vector<SegmentFile> all = segments(64);
  const std::vector<SegmentFile> groups = group_segments(cache_, all, 64);
  ASSERT_EQ(groups.size(), 64U);
  for (std::size_t i = 0; i < groups.size(); ++i) EXPECT_EQ(groups[i].path, all[i].path);
}

TEST_F(SegmentGroups, ManyBecomeFewWithTheSameBytes) {
  const std::vector<SegmentFile> all = segments(300);
  const std::vector<SegmentFile> groups = group_segments(cache_, all, 64);
  EXPECT_THAT(groups.size(), testing::AllOf(testing::Ge(10U), testing::Le(64U)));
  EXPECT_TRUE(joined(groups) == joined(all));
}

TEST_F(SegmentGroups, AChangedSegmentChangesItsGroup) {
  std::vector<SegmentFile> all = segments(300);
  const auto paths = [&] {
    std::vector<std::filesystem::path> out;
    for (const SegmentFile& group : group_segments(cache_, all, 64)) out.push_back(group.path);
    std::sort(out.begin(), out.end());
    return out;
  };
  const std::vector<std::filesystem::path> before = paths();
  all[151] = segment("changed");
  const std::vector<std::filesystem::path> after = paths();
  std::vector<std::filesystem::path> made;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(made));
  EXPECT_EQ(made.size(), 1U);
}

}  // namespace
}  // namespace kiln::build
