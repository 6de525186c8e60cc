#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/errno.h"

namespace guest {

/// The first page of a swap area of `bytes` bytes (linux/swap.h, `union swap_header`), as mkswap(8) writes it. Empty if
/// the area is smaller than ten pages, which the kernel does not take. `uuid`: 16 bytes.
std::string swap_header(std::uint64_t bytes, std::size_t page_size, std::string_view uuid);

/// Makes `path`, a file or a block device, a swap area of this machine's page size and begins to use it. Returns an
/// empty string, or what failed and why.
std::string start_swapping(const std::string& path, std::uint64_t bytes);

/// A file of its size without holes, as swap needs it; one that is there and has the size is kept.
Errno make_solid_file(const std::string& path, std::uint64_t bytes);

/// `bytes` random bytes, for keys and identities.
Errno random_bytes(std::size_t bytes, std::string& into);

}  // namespace guest
