#pragma once

#include <cstddef>
#include <cstdint>

namespace guest {

/// What the two ends of a zygote (zygote.h) agree on. A request is one packet: the arguments, each ended by a zero
/// byte, as many as the zygote was started with; and three descriptors, to be the standard ones. The answer is one
/// number. A number 0 sent unasked says that the zygote is ready.
constexpr int kZygoteSocket = 3;   ///< descriptor of its end of the socket
constexpr int kZygoteLibrary = 4;  ///< descriptor of its preloaded library
constexpr std::size_t kZygoteRequestSize = 8192;

/// The process's id, or a negative errno.
using ZygoteAnswer = std::int32_t;

}  // namespace guest
