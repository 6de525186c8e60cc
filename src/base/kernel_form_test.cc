#include "base/kernel_form.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

/// A header made of pieces at offsets, zeros between, `size` bytes in all.
struct Piece {
  std::size_t offset;
  std::string_view text;
};
std::string header(std::size_t size, std::initializer_list<Piece> pieces) {
  std::string bytes(size, '\0');
  for (const Piece& piece : pieces) bytes.replace(piece.offset, piece.text.size(), piece.text);
  return bytes;
}

using namespace std::string_view_literals;

struct FormCase {
  const char* name;
  std::string head;
  KernelInfo info;
};

std::vector<FormCase> cases() {
  const Piece pe_at_40[] = {{0x3c, "\x40\0\0\0"sv}, {0x40, "PE\0\0"sv}};
  return {
      {"Empty", "", {}},
      {"Text", "#!/bin/sh\nexit 0\n", {}},
      {"Arm64", header(64, {{0x38, "ARM\x64"}}), {KernelForm::arm64_image, "arm64", 0, 0, ""}},
      {"Arm64Cut", header(64, {{0x38, "ARM\x64"}}).substr(0, 0x3b), {}},
      {"Arm64WithEfiStub",
       header(128, {{0, "MZ"}, {0x38, "ARM\x64"}, pe_at_40[0], pe_at_40[1], {0x44, "\x64\xaa"}}),
       {KernelForm::arm64_image, "arm64", 0, 0, "", true}},
      {"Riscv64", header(64, {{0x30, "RISCV"}, {0x38, "RSC\x05"}}), {KernelForm::riscv64_image, "riscv64", 0, 0, ""}},
      {"BzImage64",
       header(0x250, {{0x1fe, "\x55\xaa"}, {0x202, "HdrS"}, {0x206, "\x0f\x02"}, {0x236, "\x3f\0"sv}}),
       {KernelForm::bzimage, "amd64", 0, 0, ""}},
      {"BzImage32",
       header(0x250, {{0x1fe, "\x55\xaa"}, {0x202, "HdrS"}, {0x206, "\x0f\x02"}, {0x236, "\x3e\0"sv}}),
       {KernelForm::bzimage, "386", 0, 0, ""}},
      {"BzImageOfOldProtocol",
       header(0x250, {{0x1fe, "\x55\xaa"}, {0x202, "HdrS"}, {0x206, "\x0b\x02"}, {0x236, "\x3f\0"sv}}),
       {KernelForm::bzimage, "386", 0, 0, ""}},
      {"BzImageWithPayload",
       header(0x250, {{0x1f1, "\x02"},
                      {0x1fe, "\x55\xaa"},
                      {0x202, "HdrS"},
                      {0x206, "\x0f\x02"},
                      {0x236, "\x3f\0"sv},
                      {0x248, "\x30\0\0\0"sv},
                      {0x24c, "\x78\x56\x34\x12"}}),
       {KernelForm::bzimage, "amd64", 0x630, 0x12345678, ""}},
      {"NoBootFlag", header(0x250, {{0x202, "HdrS"}}), {}},
      {"Zboot",
       header(128, {{0, "MZ\0\0zimg"sv},
                    {8, "\x00\x10\0\0"sv},
                    {12, "\x78\x56\x34\x12"},
                    {24, "zstd22"},
                    {0x38, "\xcd\x23\x82\x81"},
                    pe_at_40[0],
                    pe_at_40[1],
                    {0x44, "\x64\xaa"}}),
       {KernelForm::efi_zboot, "arm64", 0x1000, 0x12345678, "zstd"}},
      {"ZbootOfUnknownMachine",
       header(128, {{0, "MZ\0\0zimg"sv}, {8, "\x00\x10\0\0"sv}, {24, "gzip"}, {0x3c, "\xff\xff\xff\xff"}}),
       {KernelForm::efi_zboot, "", 0x1000, 0, "gzip"}},
      {"ZbootCut", header(40, {{0, "MZ\0\0zimg"sv}}), {}},
      {"Gzip", "\x1f\x8b\x08\0\0\0", {KernelForm::gzip, "", 0, 0, ""}},
      {"ElfAmd64",
       header(64, {{0,
                    "\x7f"
                    "ELF\x02\x01"},
                   {18, "\x3e\0"sv}}),
       {KernelForm::elf, "amd64", 0, 0, ""}},
      {"ElfCut",
       "\x7f"
       "ELF",
       {KernelForm::elf, "", 0, 0, ""}},
  };
}

TEST(KernelForm, RecognisesHeaders) {
  for (const FormCase& one : cases()) {
    const KernelInfo info = recognise_kernel(as_bytes(one.head));
    EXPECT_EQ(name_of(info.form), name_of(one.info.form)) << one.name;
    EXPECT_EQ(info.architecture, one.info.architecture) << one.name;
    EXPECT_EQ(info, one.info) << one.name;
  }
}

}  // namespace
}  // namespace kiln
