#include "package/elf.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

template <typename T>
T swapped(T value) {
  std::array<unsigned char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  std::reverse(bytes.begin(), bytes.end());
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// A file of the given kind with one PT_LOAD over all of it, an interpreter and a dynamic table.
template <typename Ehdr, typename Phdr, typename Dyn, bool kBig>
std::string make_elf() {
  const auto put = [](auto value) { return kBig ? swapped(value) : value; };
  const std::string strings = std::string{"\0libc.so.6\0libz.so.1\0$ORIGIN/../x:/y\0me.so.1\0", 45};
  const std::string interpreter{"/lib/ld.so\0", 11};
  Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = sizeof(Ehdr) == sizeof(Elf64_Ehdr) ? ELFCLASS64 : ELFCLASS32;
  header.e_ident[EI_DATA] = kBig ? ELFDATA2MSB : ELFDATA2LSB;
  header.e_machine = put(Elf64_Half{EM_S390});
  header.e_phentsize = put(static_cast<Elf64_Half>(sizeof(Phdr)));
  header.e_phnum = put(Elf64_Half{3});
  header.e_phoff = put(static_cast<decltype(header.e_phoff)>(sizeof(Ehdr)));
  const std::size_t strings_at = sizeof(Ehdr) + 3 * sizeof(Phdr);
  const std::size_t interpreter_at = strings_at + strings.size();
  const std::size_t dynamic_at = interpreter_at + interpreter.size();
  using Value = decltype(Dyn{}.d_un.d_val);
  using Tag = decltype(Dyn{}.d_tag);
  constexpr std::size_t kBase = 0x10000;  // addresses differ from offsets
  const std::vector<std::pair<std::size_t, std::size_t>> entries = {{DT_NEEDED, 1},
                                                                    {DT_NEEDED, 11},
                                                                    {DT_RUNPATH, 21},
                                                                    {DT_SONAME, 37},
                                                                    {DT_STRTAB, kBase + strings_at},
                                                                    {DT_STRSZ, strings.size()},
                                                                    {DT_NULL, 0}};
  std::string dynamic;
  for (const auto& [tag, value] : entries) {
    Dyn entry{};
    entry.d_tag = put(static_cast<Tag>(tag));
    entry.d_un.d_val = put(static_cast<Value>(value));
    dynamic.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  }
  const std::size_t size = dynamic_at + dynamic.size();
  std::string file{reinterpret_cast<const char*>(&header), sizeof header};
  const auto add_segment = [&](std::uint32_t type, std::size_t offset, std::size_t length) {
    Phdr segment{};
    segment.p_type = put(type);
    segment.p_offset = put(static_cast<decltype(segment.p_offset)>(offset));
    segment.p_vaddr = put(static_cast<decltype(segment.p_vaddr)>(kBase + offset));
    segment.p_filesz = put(static_cast<decltype(segment.p_filesz)>(length));
    file.append(reinterpret_cast<const char*>(&segment), sizeof segment);
  };
  add_segment(PT_LOAD, 0, size);
  add_segment(PT_INTERP, interpreter_at, interpreter.size());
  add_segment(PT_DYNAMIC, dynamic_at, dynamic.size());
  return file + strings + interpreter + dynamic;
}

const std::string k64 = make_elf<Elf64_Ehdr, Elf64_Phdr, Elf64_Dyn, false>();
const std::string k64Big = make_elf<Elf64_Ehdr, Elf64_Phdr, Elf64_Dyn, true>();
const std::string k32 = make_elf<Elf32_Ehdr, Elf32_Phdr, Elf32_Dyn, false>();
const std::string k32Big = make_elf<Elf32_Ehdr, Elf32_Phdr, Elf32_Dyn, true>();

TEST(Elf, IsReadInAllFourKinds) {
  for (const std::string* file : {&k64, &k64Big, &k32, &k32Big}) {
    const auto linkage = read_elf_linkage(as_bytes(*file));
    ASSERT_TRUE(linkage);
    EXPECT_EQ(linkage->machine, EM_S390);
    EXPECT_EQ(linkage->interpreter, "/lib/ld.so");
    EXPECT_EQ(linkage->soname, "me.so.1");
    EXPECT_THAT(linkage->needed, testing::ElementsAre("libc.so.6", "libz.so.1"));
    EXPECT_THAT(linkage->search, testing::ElementsAre("$ORIGIN/../x", "/y"));
  }
}

TEST(Elf, OtherFilesAreNone) {
  EXPECT_FALSE(read_elf_linkage(as_bytes("#!/bin/sh\n")));
  EXPECT_FALSE(read_elf_linkage({}));
  EXPECT_FALSE(find_elf_section(as_bytes("text"), ".modinfo"));
}

TEST(Elf, AgreesWithThisProgram) {
  const std::string file = read_file("/proc/self/exe", std::size_t{1} << 30);
  const auto linkage = read_elf_linkage(as_bytes(file));
  ASSERT_TRUE(linkage);
  EXPECT_THAT(linkage->needed, testing::Contains("libc.so.6"));
  EXPECT_THAT(linkage->interpreter, testing::HasSubstr("ld-linux"));
  const auto section = find_elf_section(as_bytes(file), ".interp");
  ASSERT_TRUE(section);
  EXPECT_EQ(as_text(*section).substr(0, section->size() - 1), linkage->interpreter);
  EXPECT_FALSE(find_elf_section(as_bytes(file), ".modinfo"));
}

std::string with(std::size_t offset, std::string_view bytes) {
  std::string file = k64;
  return file.replace(offset, bytes.size(), bytes);
}

struct BadCase {
  const char* name;
  std::string file;
  const char* message;
};

const BadCase kBad[] = {
    {"CutHeader", k64.substr(0, 12), "ELF file is damaged: header is cut off"},
    {"CutAfterIdent", k64.substr(0, 20), "ELF file is damaged: a table lies outside the file"},
    {"Class", with(EI_CLASS, "\7"), "ELF file is damaged: unknown class"},
    {"ByteOrder", with(EI_DATA, "\7"), "ELF file is damaged: unknown byte order"},
    {"ManySegments", with(offsetof(Elf64_Ehdr, e_phnum), "\377\377"),
     "ELF file is damaged: program headers lie outside the file"},
    {"SmallSegments", with(offsetof(Elf64_Ehdr, e_phentsize), std::string_view{"\1\0", 2}),
     "ELF file is damaged: program headers are too small"},
    {"FarSegments", with(offsetof(Elf64_Ehdr, e_phoff), "\377\377\377\377\377\377\377\377"),
     "ELF file is damaged: program headers lie outside the file"},
    {"CutDynamic", k64.substr(0, k64.size() - 20), "ELF file is damaged: the dynamic table lies outside the file"},
};

class BadElf : public testing::TestWithParam<BadCase> {};
TEST_P(BadElf, IsRefused) {
  try {
    read_elf_linkage(as_bytes(GetParam().file));
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), GetParam().message);
  }
}
INSTANTIATE_TEST_SUITE_P(Cases, BadElf, testing::ValuesIn(kBad), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kiln::package
