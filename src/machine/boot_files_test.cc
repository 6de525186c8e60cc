#include "machine/boot_files.h"

#include <gtest/gtest.h>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::machine {
namespace {

class BootFilesTest : public testing::Test {
 protected:
  TempDir directory;
  std::string name = directory.path() / "os";

  std::string arm64_image() const {
    std::string image(4096, '\0');
    image.replace(0x38, 4, "ARM\x64");
    return image;
  }
  /// zboot-header.S around a payload at 64.
  std::string zboot(const std::string& type, const std::string& payload) const {
    std::string image(64, '\0');
    image.replace(0, 8, std::string_view{"MZ\0\0zimg", 8});
    image[8] = 64;
    for (std::size_t i = 0; i < 4; ++i) image[12 + i] = static_cast<char>(payload.size() >> (8 * i));
    image.replace(24, type.size(), type);
    return image + payload;
  }
  std::string compressed(const char* program, const std::string& text) const {
    return run_checked({.arguments = {program, "-c"}, .environment = {}, .directory = {}, .input = text});
  }
  struct Failure {
    std::string message, hint;
    bool operator==(const Failure&) const = default;
  };
  Failure failure(const std::string& of) const {
    try {
      find_boot_files(of);
    } catch (const Error& error) {
      return {error.message(), error.hint()};
    }
    return {};
  }
};

TEST_F(BootFilesTest, FindsTheThree) {
  write_file(name + "-kernel", "k");
  write_file(name + "-initrd.img", "i");
  write_file(name + "-cmdline", "console=ttyS0");
  const BootFiles files = find_boot_files(name);
  EXPECT_EQ(files.kernel, name + "-kernel");
  EXPECT_EQ(files.initrd, name + "-initrd.img");
  EXPECT_EQ(files.cmdline, "console=ttyS0");
}

TEST_F(BootFilesTest, SaysWhatIsMissing) {
  write_file(name + "-kernel", "k");
  EXPECT_EQ(failure(name).message, "nothing to boot under " + quote(name) + ": missing " + quote(name + "-initrd.img") +
                                       ", " + quote(name + "-cmdline"));
  EXPECT_EQ(failure(name).hint, "'kiln build " + name + ".yml' writes them to the current directory");
  EXPECT_EQ(failure(name + "-kernel").hint, "give the name without its ending: kiln run " + name);
  EXPECT_EQ(failure(name + ".yml").hint, "build it first: kiln build " + name + ".yml && kiln run os");
}

TEST_F(BootFilesTest, LooksIntoGzip) {
  write_file(name, compressed("gzip", arm64_image()));
  const KernelInfo info = inspect_kernel(name);
  EXPECT_EQ(info.form, KernelForm::gzip);
  EXPECT_EQ(info.architecture, "arm64");
  EXPECT_EQ(bootable_kernel(name, info, directory.path()), name);
}

TEST_F(BootFilesTest, UnpacksZboot) {
  const std::pair<const char*, const char*> kTypes[] = {{"gzip", "gzip"}, {"zstd22", "zstd"}};
  for (const auto& [type, program] : kTypes) {
    write_file(name, zboot(type, compressed(program, arm64_image())));
    const std::filesystem::path kernel = bootable_kernel(name, inspect_kernel(name), directory.path());
    EXPECT_EQ(kernel, directory.path() / "kernel");
    EXPECT_EQ(read_file(kernel), arm64_image()) << type;
  }
}

TEST_F(BootFilesTest, RefusesAZbootPayloadItCannotUnpack) {
  write_file(name, zboot("lzo", "LZO stuff"));
  try {
    bootable_kernel(name, inspect_kernel(name), directory.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "kernel " + quote(name) + ": its payload is compressed with 'lzo': expected gzip, zstd or xz");
  }
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "kernel"));
}

}  // namespace
}  // namespace kiln::machine
