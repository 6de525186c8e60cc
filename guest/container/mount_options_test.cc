#include "container/mount_options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

namespace guest {
namespace {

struct Case {
  const char* name;
  std::vector<std::string> options;
  MountOptions parsed;
};

const Case kCases[] = {
    {"None", {}, {}},
    {"Flags",
     {"nosuid", "nodev", "noexec", "relatime", "ro"},
     {MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME | MS_RDONLY, 0, ""}},
    {"LaterWins", {"ro", "nosuid", "rw", "suid"}, {}},
    {"Rbind", {"rbind"}, {MS_BIND | MS_REC, 0, ""}},
    {"Data", {"lowerdir=/a", "relatime", "upperdir=/b"}, {MS_RELATIME, 0, "lowerdir=/a,upperdir=/b"}},
    {"Propagation", {"remount", "private"}, {MS_REMOUNT, MS_PRIVATE, ""}},
    {"RecursivePropagation", {"bind", "rshared"}, {MS_BIND, MS_SHARED | MS_REC, ""}},
    {"DefaultsSayNothing", {"defaults", "async", ""}, {}},
};

TEST(MountOptions, SortsFlagsFromData) {
  for (const Case& row : kCases) EXPECT_EQ(parse_mount_options(row.options), row.parsed) << row.name;
}

TEST(MountOptions, FindsAValueInData) {
  EXPECT_EQ(mount_data_value("lowerdir=/a,upperdir=/b,workdir=/c", "upperdir"), "/b");
  EXPECT_EQ(mount_data_value("xupperdir=/b", "upperdir"), "");
  EXPECT_EQ(mount_data_value("upperdir", "upperdir"), "");
}

}  // namespace
}  // namespace guest
