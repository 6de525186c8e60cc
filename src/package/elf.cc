#include "package/elf.h"

#include <elf.h>

#include <cstring>

#include "base/error.h"

namespace kiln::package {
namespace {

constexpr std::size_t kMostEntries = 1 << 16;  // of any table: programs have tens, huge objects thousands of sections

[[noreturn]] void damaged(std::string_view what) { throw Error{"ELF file is damaged: ", what}; }

struct Segment {
  std::uint32_t type = 0;
  std::uint64_t offset = 0, address = 0, size = 0;
};

struct Section {
  std::uint32_t name = 0, type = 0;
  std::uint64_t offset = 0, size = 0;
};

/// Reads integers of either size and byte order from a file, never outside it.
class Reader {
 public:
  explicit Reader(Bytes file) : file_{file} {
    if (file.size() < EI_NIDENT) damaged("header is cut off");
    const auto ident = [&](int i) { return std::to_integer<unsigned>(file[static_cast<std::size_t>(i)]); };
    if (ident(EI_CLASS) != ELFCLASS32 && ident(EI_CLASS) != ELFCLASS64) damaged("unknown class");
    if (ident(EI_DATA) != ELFDATA2LSB && ident(EI_DATA) != ELFDATA2MSB) damaged("unknown byte order");
    is_64_ = ident(EI_CLASS) == ELFCLASS64;
    is_big_ = ident(EI_DATA) == ELFDATA2MSB;
  }

  bool is_64() const { return is_64_; }

  Bytes range(std::uint64_t offset, std::uint64_t size, std::string_view what) const {
    if (offset > file_.size() || size > file_.size() - offset) damaged(what);
    return file_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  }

  std::uint64_t integer(std::uint64_t offset, unsigned size) const {
    const Bytes bytes = range(offset, size, "a table lies outside the file");
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
      const unsigned shift = 8 * (is_big_ ? size - 1 - i : i);
      value |= static_cast<std::uint64_t>(std::to_integer<unsigned>(bytes[i])) << shift;
    }
    return value;
  }

  /// The field at `offset_64` or `offset_32` of a structure, `size_64` or `size_32` bytes wide.
  std::uint64_t field(std::uint64_t base, std::size_t offset_64, unsigned size_64, std::size_t offset_32,
                      unsigned size_32) const {
    return is_64_ ? integer(base + offset_64, size_64) : integer(base + offset_32, size_32);
  }

  std::string string(std::uint64_t offset, std::uint64_t limit) const {
    const Bytes bytes = range(offset, 0, "a string lies outside the file");
    (void)bytes;
    const std::string_view rest = as_text(file_).substr(static_cast<std::size_t>(offset));
    const std::size_t end =
        rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(limit, rest.size()))).find('\0');
    if (end == std::string_view::npos) damaged("a string has no end");
    return std::string{rest.substr(0, end)};
  }

 private:
  Bytes file_;
  bool is_64_ = false;
  bool is_big_ = false;
};

// FIELD(r, base, Ehdr, e_phoff): the field of Elf64_Ehdr or Elf32_Ehdr, whichever the file has.
#define KILN_ELF_FIELD(reader, base, type, name)                                                                 \
  (reader).field((base), offsetof(Elf64_##type, name), sizeof(Elf64_##type::name), offsetof(Elf32_##type, name), \
                 sizeof(Elf32_##type::name))

bool is_elf(Bytes file) { return file.size() >= SELFMAG && std::memcmp(file.data(), ELFMAG, SELFMAG) == 0; }

std::vector<Segment> read_segments(const Reader& reader) {
  const std::uint64_t table = KILN_ELF_FIELD(reader, 0, Ehdr, e_phoff);
  const std::uint64_t count = KILN_ELF_FIELD(reader, 0, Ehdr, e_phnum);
  const std::uint64_t size = KILN_ELF_FIELD(reader, 0, Ehdr, e_phentsize);
  if (count == 0) return {};
  if (size < (reader.is_64() ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr))) damaged("program headers are too small");
  reader.range(table, count * size, "program headers lie outside the file");
  std::vector<Segment> segments;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t base = table + i * size;
    segments.push_back({static_cast<std::uint32_t>(KILN_ELF_FIELD(reader, base, Phdr, p_type)),
                        KILN_ELF_FIELD(reader, base, Phdr, p_offset), KILN_ELF_FIELD(reader, base, Phdr, p_vaddr),
                        KILN_ELF_FIELD(reader, base, Phdr, p_filesz)});
  }
  return segments;
}

std::vector<Section> read_sections(const Reader& reader) {
  const std::uint64_t table = KILN_ELF_FIELD(reader, 0, Ehdr, e_shoff);
  const std::uint64_t count = KILN_ELF_FIELD(reader, 0, Ehdr, e_shnum);
  const std::uint64_t size = KILN_ELF_FIELD(reader, 0, Ehdr, e_shentsize);
  if (table == 0 || count == 0) return {};
  if (size < (reader.is_64() ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr))) damaged("section headers are too small");
  reader.range(table, count * size, "section headers lie outside the file");
  std::vector<Section> sections;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t base = table + i * size;
    sections.push_back({static_cast<std::uint32_t>(KILN_ELF_FIELD(reader, base, Shdr, sh_name)),
                        static_cast<std::uint32_t>(KILN_ELF_FIELD(reader, base, Shdr, sh_type)),
                        KILN_ELF_FIELD(reader, base, Shdr, sh_offset), KILN_ELF_FIELD(reader, base, Shdr, sh_size)});
  }
  return sections;
}

/// Where in the file the byte at an address of the loaded program is.
std::uint64_t file_offset(const std::vector<Segment>& segments, std::uint64_t address) {
  for (const Segment& segment : segments) {
    if (segment.type == PT_LOAD && address >= segment.address && address - segment.address < segment.size) {
      if (const auto offset = checked_add(segment.offset, address - segment.address)) return *offset;
    }
  }
  damaged("the string table is not loaded");
}

std::vector<std::string> split_search(std::string_view text) {
  std::vector<std::string> directories;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    if (end > 0) directories.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return directories;
}

/// Entries of the dynamic table: tag and value, up to DT_NULL.
std::vector<std::pair<std::uint64_t, std::uint64_t>> read_dynamic(const Reader& reader, const Segment& segment) {
  reader.range(segment.offset, segment.size, "the dynamic table lies outside the file");
  const std::uint64_t size = reader.is_64() ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> entries;
  for (std::uint64_t at = 0; at + size <= segment.size && entries.size() < kMostEntries; at += size) {
    const std::uint64_t base = segment.offset + at;
    const std::uint64_t tag = KILN_ELF_FIELD(reader, base, Dyn, d_tag);
    if (tag == DT_NULL) break;
    entries.emplace_back(tag, reader.integer(base + size / 2, static_cast<unsigned>(size / 2)));
  }
  return entries;
}

void add_dynamic(const Reader& reader, const std::vector<Segment>& segments, const Segment& dynamic,
                 ElfLinkage& linkage) {
  const auto entries = read_dynamic(reader, dynamic);
  std::optional<std::uint64_t> strings;
  std::uint64_t strings_size = 0;
  for (const auto& [tag, value] : entries) {
    if (tag == DT_STRTAB) strings = file_offset(segments, value);
    if (tag == DT_STRSZ) strings_size = value;
  }
  if (!strings) return;
  reader.range(*strings, strings_size, "the string table lies outside the file");
  std::string rpath, runpath;
  for (const auto& [tag, value] : entries) {
    if (tag != DT_NEEDED && tag != DT_SONAME && tag != DT_RPATH && tag != DT_RUNPATH) continue;
    if (value >= strings_size) damaged("a string lies outside the string table");
    std::string text = reader.string(*strings + value, strings_size - value);
    if (tag == DT_NEEDED)
      linkage.needed.push_back(std::move(text));
    else if (tag == DT_SONAME)
      linkage.soname = std::move(text);
    else if (tag == DT_RPATH)
      rpath = std::move(text);
    else
      runpath = std::move(text);
  }
  linkage.search = split_search(runpath.empty() ? rpath : runpath);  // ld.so(8): DT_RPATH only without DT_RUNPATH
}

}  // namespace

std::optional<ElfLinkage> read_elf_linkage(Bytes file) {
  if (!is_elf(file)) return std::nullopt;
  const Reader reader{file};
  ElfLinkage linkage;
  linkage.machine = static_cast<std::uint16_t>(KILN_ELF_FIELD(reader, 0, Ehdr, e_machine));
  const std::vector<Segment> segments = read_segments(reader);
  for (const Segment& segment : segments) {
    if (segment.type == PT_INTERP) linkage.interpreter = reader.string(segment.offset, segment.size);
    if (segment.type == PT_DYNAMIC) add_dynamic(reader, segments, segment, linkage);
  }
  return linkage;
}

std::optional<Bytes> find_elf_section(Bytes file, std::string_view name) {
  if (!is_elf(file)) return std::nullopt;
  const Reader reader{file};
  const std::vector<Section> sections = read_sections(reader);
  const std::uint64_t names = KILN_ELF_FIELD(reader, 0, Ehdr, e_shstrndx);
  if (names >= sections.size()) return std::nullopt;
  const Section& table = sections[static_cast<std::size_t>(names)];
  reader.range(table.offset, table.size, "the section names lie outside the file");
  for (const Section& section : sections) {
    if (section.type == SHT_NOBITS || section.name >= table.size) continue;
    if (reader.string(table.offset + section.name, table.size - section.name) == name) {
      return reader.range(section.offset, section.size, "a section lies outside the file");
    }
  }
  return std::nullopt;
}

}  // namespace kiln::package
