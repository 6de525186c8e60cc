#pragma once

#include <cstdint>
#include <string_view>

namespace guest {

/// Pages on per-CPU free lists, from the text of /proc/zoneinfo: the sum of the `count:` lines under `pagesets`.
/// MemFree leaves them out, and they vary by tens of MiB from boot to boot.
std::uint64_t per_cpu_free_pages(std::string_view zoneinfo);

/// Memory in use, in KiB: MemTotal - MemFree - the per-CPU free lists.
std::uint64_t used_memory_kib();

}  // namespace guest
