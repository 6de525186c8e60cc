#include "publish/boot_kernel.h"

#include <gtest/gtest.h>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::publish {
namespace {

using namespace std::string_literals;

std::string image(std::string_view magic, bool efi_stub = true) {
  std::string text(8192, '\0');
  if (efi_stub) text.replace(0, 2, "MZ");
  text.replace(0x38, 4, magic);
  return text;
}

std::string bzimage() {
  std::string text(8192, '\0');
  text.replace(0x1fe, 2, "\x55\xaa");
  text.replace(0x202, 4, "HdrS");
  text.replace(0x206, 2, "\x0c\x02");
  text[0x236] = 1;
  return text;
}

std::string packed(const char* program, const std::string& text) {
  return run_checked({.arguments = {program, "-c"}, .environment = {}, .directory = {}, .input = text});
}

/// zboot-header.S around a payload at 64.
std::string zboot(const std::string& type, const std::string& payload) {
  std::string text(64, '\0');
  text.replace(0, 8, "MZ\0\0zimg"s);
  text[8] = 64;
  for (std::size_t i = 0; i < 4; ++i) text[12 + i] = static_cast<char>(payload.size() >> (8 * i));
  text.replace(24, type.size(), type);
  return text + payload;
}

const std::string kArm64 = image("ARM\x64");
const std::string kRiscv64 = image("RSC\x05");

struct GoodCase {
  const char* name;
  std::string file, kernel, architecture;
};

const GoodCase kGood[] = {
    {"RawArm64", kArm64, kArm64, "arm64"},
    {"GzipArm64", packed("gzip", kArm64), kArm64, "arm64"},
    {"ZbootGzip", zboot("gzip", packed("gzip", kArm64)), kArm64, "arm64"},
    {"ZbootZstd", zboot("zstd22", packed("zstd", kArm64)), kArm64, "arm64"},
    {"ZbootXz", zboot("xzkern", packed("xz", kArm64)), kArm64, "arm64"},
    {"RawRiscv64", kRiscv64, kRiscv64, "riscv64"},
    {"GzipRiscv64", packed("gzip", kRiscv64), kRiscv64, "riscv64"},
    {"BzImage", bzimage(), bzimage(), "amd64"},
};

class GoodKernels : public testing::TestWithParam<GoodCase> {};

TEST_P(GoodKernels, Bootable) {
  const TempDir directory;
  const std::filesystem::path file = directory.path() / "os-kernel";
  write_file(file, GetParam().file);
  const BootKernel kernel = make_boot_kernel(file, directory.path());
  EXPECT_EQ(read_file(kernel.path), GetParam().kernel);
  EXPECT_EQ(kernel.size, GetParam().kernel.size());
  EXPECT_EQ(kernel.architecture, GetParam().architecture);
  EXPECT_EQ(kernel.unpacked, GetParam().file != GetParam().kernel);
  EXPECT_EQ(kernel.path == file, !kernel.unpacked);
}

INSTANTIATE_TEST_SUITE_P(All, GoodKernels, testing::ValuesIn(kGood), [](const auto& row) { return row.param.name; });

struct BadCase {
  const char* name;
  std::string file, message, hint;
};

constexpr char kOtherForms[] =
    ": iPXE starts a raw Image (ARM64, RISC-V) or a bzImage (x86), plain or compressed with gzip";
constexpr char kFileHint[] =
    "see with `file` what it is; the kernel's image must have the kernel itself under that name";
constexpr char kVmlinuxHint[] =
    "take arch/arm64/boot/Image, arch/riscv/boot/Image or arch/x86/boot/bzImage of the kernel's build, not vmlinux";

const BadCase kBad[] = {
    {"Vmlinux",
     "\x7f"
     "ELF"s +
         std::string(8192, '\0'),
     " is an ELF image: iPXE does not start Linux in that form", kVmlinuxHint},
    {"GzipVmlinux",
     packed("gzip",
            "\x7f"
            "ELF"s +
                std::string(8192, '\0')),
     " is a gzip-compressed Image around an ELF image: iPXE does not start Linux in that form", kVmlinuxHint},
    {"Text", "not a kernel\n", " is a file of an unknown form"s + kOtherForms, kFileHint},
    {"Empty", "", " is a file of an unknown form"s + kOtherForms, kFileHint},
    {"ZbootInGzip", packed("gzip", zboot("gzip", packed("gzip", kArm64))),
     " is a gzip-compressed Image around an EFI zboot image"s + kOtherForms, kFileHint},
    {"NoEfiStub", image("ARM\x64", false),
     " is a raw arm64 Image without an EFI stub: UEFI, and so iPXE, cannot start it",
     "build it with CONFIG_EFI_STUB=y"},
    {"UnknownPayload", zboot("lzo", "LZO"), ": its payload is compressed with 'lzo': expected gzip, zstd or xz", ""},
};

class BadKernels : public testing::TestWithParam<BadCase> {};

TEST_P(BadKernels, Refused) {
  const TempDir directory;
  const std::filesystem::path file = directory.path() / "os-kernel";
  write_file(file, GetParam().file);
  try {
    make_boot_kernel(file, directory.path());
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), concat("kernel ", quote(file.native()), GetParam().message));
    EXPECT_EQ(error.hint(), GetParam().hint);
  }
}

INSTANTIATE_TEST_SUITE_P(All, BadKernels, testing::ValuesIn(kBad), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kiln::publish
