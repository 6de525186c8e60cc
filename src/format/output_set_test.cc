#include "format/output_set.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

namespace kiln::format {
namespace {

namespace fs = std::filesystem;

class OutputSetTest : public ::testing::Test {
 protected:
  /// Whether the file was written, and not left alone.
  bool build(const std::string& text) {
    OutputSet outputs{store_};
    AtomicFile* file = outputs.begin(path_, Sha256::of(text));
    if (file != nullptr) {
      file->sink().write(as_bytes(text));
      outputs.end(text.size());
    }
    outputs.commit();
    EXPECT_EQ(outputs.outputs().size(), 1u);
    EXPECT_EQ(outputs.outputs()[0].size, text.size());
    EXPECT_EQ(outputs.outputs()[0].kept, file == nullptr);
    EXPECT_EQ(read_file(path_), text);
    return file != nullptr;
  }

  TempDir directory_{fs::temp_directory_path(), "kiln-outputs"};
  oci::Store store_{directory_.path() / "store"};
  fs::path path_ = directory_.path() / "os-kernel";
};

TEST_F(OutputSetTest, UnchangedIsLeftAlone) {
  EXPECT_TRUE(build("one"));
  EXPECT_FALSE(build("one"));
  EXPECT_FALSE(build("one"));
  EXPECT_TRUE(build("two"));
  EXPECT_FALSE(build("two"));
}

TEST_F(OutputSetTest, WhateverHappenedToTheFileItIsMadeAgain) {
  struct Case {
    const char* name;
    void (*harm)(const fs::path& path);
  };
  constexpr Case kCases[] = {
      {"removed", [](const fs::path& path) { fs::remove(path); }},
      {"another size", [](const fs::path& path) { write_file(path, "longer"); }},
      {"replaced by the same size", [](const fs::path& path) { write_file(path, "eno"); }},
      {"overwritten in place, its time of modification set back",
       [](const fs::path& path) {
         struct stat before = {};
         ASSERT_EQ(::stat(path.c_str(), &before), 0);
         UniqueFd fd{::open(path.c_str(), O_WRONLY)};
         ASSERT_EQ(::pwrite(fd.get(), "O", 1, 0), 1);
         const timespec times[] = {before.st_atim, before.st_mtim};
         ASSERT_EQ(::futimens(fd.get(), times), 0);
       }},
      {"made unreadable", [](const fs::path& path) { fs::permissions(path, fs::perms::none); }},
      {"a symlink to a copy",
       [](const fs::path& path) {
         fs::rename(path, path.native() + ".copy");
         fs::create_symlink(path.native() + ".copy", path);
       }},
  };
  for (const Case& c : kCases) {
    build("one");
    ASSERT_FALSE(build("one")) << c.name;
    c.harm(path_);
    EXPECT_TRUE(build("one")) << c.name;
    EXPECT_FALSE(fs::is_symlink(path_)) << c.name;
  }
}

TEST_F(OutputSetTest, DamagedRecordsAreNotBelieved) {
  build("one");
  for (const auto& record : fs::directory_iterator{store_.derived_directory("outputs")})
    write_file(record.path(), "kiln");
  EXPECT_TRUE(build("one"));
}

TEST_F(OutputSetTest, NothingAppearsBeforeCommit) {
  {
    OutputSet outputs{store_};
    outputs.begin(path_, Sha256::of("x"))->sink().write(as_bytes("x"));
    outputs.end(1);
  }
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_TRUE(build("x"));
}

}  // namespace
}  // namespace kiln::format
