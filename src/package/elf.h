#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace kiln::package {

/// What an ELF file says of how it is linked (System V ABI, "Dynamic Linking"). 32 and 64 bits, either byte order.
struct ElfLinkage {
  std::uint16_t machine = 0;        ///< EM_AARCH64, EM_X86_64 …
  std::string interpreter;          ///< PT_INTERP; empty for libraries and static programs
  std::string soname;               ///< DT_SONAME
  std::vector<std::string> needed;  ///< DT_NEEDED, in order
  std::vector<std::string> search;  ///< DT_RUNPATH or DT_RPATH, split at colons; may contain $ORIGIN
};

/// Nothing if the bytes are not an ELF file. Throws Error ("ELF file is damaged: …") if a table lies outside the file;
/// strings that lie outside are errors as well.
std::optional<ElfLinkage> read_elf_linkage(Bytes file);

/// The content of the section with that name, if there is one; nothing if the bytes are not an ELF file. Throws as
/// above.
std::optional<Bytes> find_elf_section(Bytes file, std::string_view name);

}  // namespace kiln::package
