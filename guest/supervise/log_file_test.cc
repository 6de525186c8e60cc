#include "supervise/log_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace guest {
namespace {

class LogFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/kiln-log-XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = directory_ + "/x.log";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  static std::string content(const std::string& path) {
    std::string text;
    return read_file(path, text).failed() ? "(none)" : text;
  }
  std::string directory_;
  std::string path_;
};

TEST_F(LogFileTest, KeepsWholeLinesAcrossTheRotation) {
  LogFile log{path_, 10};
  ASSERT_FALSE(log.open().failed());
  log.append("abc\ndef\nghi\n");
  EXPECT_EQ(content(path_ + ".1"), "abc\ndef\n");
  EXPECT_EQ(content(path_), "ghi\n");
}

TEST_F(LogFileTest, NeverMoreThanTwoLimits) {
  LogFile log{path_, 100};
  ASSERT_FALSE(log.open().failed());
  std::string data;
  for (int i = 0; i < 1000; ++i) data += std::to_string(i) + " line\n";
  log.append(data);
  log.append(std::string(1000, 'x'));  // one endless line
  for (const std::string& path : {path_, path_ + ".1"}) EXPECT_LE(content(path).size(), 100U) << path;
  EXPECT_EQ(list_directory(directory_).size(), 2U);
}

TEST_F(LogFileTest, AppendsToAnEarlierRun) {
  for (const char* text : {"one\n", "two\n"}) {
    LogFile log{path_, 100};
    ASSERT_FALSE(log.open().failed());
    log.append(text);
  }
  EXPECT_EQ(content(path_), "one\ntwo\n");
}

TEST_F(LogFileTest, WithoutADirectoryDataIsDropped) {
  LogFile log{directory_ + "/absent/x.log", 100};
  EXPECT_EQ(log.open(), Errno{ENOENT});
  log.append("lost\n");
}

}  // namespace
}  // namespace guest
