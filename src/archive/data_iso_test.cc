#include "archive/data_iso.h"

#include <gtest/gtest.h>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::archive {
namespace {

TEST(DataIso, HasThePartsInTheirPlaces) {
  const std::string iso = make_data_iso("config", "config", "hello");
  ASSERT_EQ(iso.size(), 32u * 2048);
  EXPECT_EQ(iso.find_first_not_of('\0'), 16u * 2048);
  EXPECT_EQ(iso.substr(16 * 2048, 7), std::string("\x01"
                                                  "CD001\x01"));
  EXPECT_EQ(iso.substr(16 * 2048 + 40, 8), "config  ");
  EXPECT_EQ(iso.substr(17 * 2048, 7), std::string("\xff"
                                                  "CD001\x01"));
  EXPECT_EQ(iso.substr(21 * 2048, 6), std::string("hello\0", 6));
  EXPECT_EQ(iso, make_data_iso("config", "config", "hello"));
}

TEST(DataIso, IsReadByOthers) {
  if (!find_program("bsdtar")) GTEST_SKIP() << "bsdtar is not installed";
  const TempDir directory;
  const std::string content(5000, 'x');
  for (const std::string& text : {std::string{}, std::string{"{\"a\": 1}\n"}, content, std::string(4096, 'y')}) {
    const std::string path = directory.path() / "data.iso";
    write_file(path, make_data_iso("config", "config", text));
    EXPECT_EQ(
        run_checked({.arguments = {"bsdtar", "-xOf", path, "config"}, .environment = {}, .directory = {}, .input = {}}),
        text);
  }
}

TEST(DataIso, RefusesWhatItCannotName) {
  EXPECT_THROW(make_data_iso("", "config", "x"), Error);
  EXPECT_THROW(make_data_iso(std::string(33, 'v'), "config", "x"), Error);
  EXPECT_THROW(make_data_iso("config", "", "x"), Error);
  EXPECT_THROW(make_data_iso("config", std::string(32, 'n'), "x"), Error);
}

}  // namespace
}  // namespace kiln::archive
