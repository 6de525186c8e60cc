#pragma once

#include <cstdint>
#include <filesystem>

#include "base/reporter.h"

namespace kiln::machine {

/// Refuses, before it is started, a machine that is too small for its initramfs: the kernel unpacks that into a file
/// system of half the memory, and holds it compressed and unpacked at the same time; what does not fit is missing from
/// the root, or the kernel panics. An initramfs that cannot be read here (lz4, say) is not judged. Throws Error with
/// the sizes and what `--mem` would do.
void check_memory(const std::filesystem::path& initrd, std::uint64_t mebibytes, Reporter& reporter);

/// The least memory, in MiB, for an initramfs of those sizes in bytes.
std::uint64_t memory_needed(std::uint64_t compressed, std::uint64_t unpacked);

}  // namespace kiln::machine
