#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace kiln {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span{text.data(), text.size()}); }
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// An unsigned integer stored little-endian, for structures that are read from or written to disk as they are.
template <typename T>
requires std::is_unsigned_v<T>
class LittleEndian {
 public:
  LittleEndian() = default;
  LittleEndian(T value) {  // NOLINT(google-explicit-constructor): it stands for the integer
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes_[i] = static_cast<unsigned char>(value >> (8 * i));
  }
  operator T() const {  // NOLINT(google-explicit-constructor)
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | (static_cast<T>(bytes_[i]) << (8 * i)));
    return value;
  }

 private:
  unsigned char bytes_[sizeof(T)] = {};
};
using le16 = LittleEndian<std::uint16_t>;
using le32 = LittleEndian<std::uint32_t>;
using le64 = LittleEndian<std::uint64_t>;

/// a + b, or nothing when it does not fit. Sizes and offsets from outside are added with this.
inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// `value` rounded up to a multiple of `alignment` (a power of two).
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace kiln
