#pragma once

#include <array>
#include <compare>
#include <memory>
#include <optional>
#include <string>

#include "base/stream.h"

namespace kiln {

/// A SHA-256 value (FIPS 180-4).
struct Sha256 {
  std::array<std::byte, 32> bytes{};

  std::string hex() const;                                      ///< 64 lower-case digits
  static std::optional<Sha256> from_hex(std::string_view hex);  ///< nothing unless exactly that
  static Sha256 of(Bytes data);
  static Sha256 of(std::string_view text) { return of(as_bytes(text)); }

  auto operator<=>(const Sha256&) const = default;
};

class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  void update(Bytes data);
  void update(std::string_view text) { update(as_bytes(text)); }
  Sha256 finish();  ///< the value; the hasher then starts afresh

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Hashes what passes through to another sink.
class HashingSink final : public Sink {
 public:
  explicit HashingSink(Sink& to) : to_{to} {}
  void write(Bytes data) override {
    hasher_.update(data);
    to_.write(data);
  }
  Sha256 finish() { return hasher_.finish(); }

 private:
  Sink& to_;
  Sha256Hasher hasher_;
};

}  // namespace kiln

template <>
struct std::hash<kiln::Sha256> {
  std::size_t operator()(const kiln::Sha256& value) const noexcept {
    std::size_t head = 0;
    static_assert(sizeof head <= sizeof value.bytes);
    __builtin_memcpy(&head, value.bytes.data(), sizeof head);
    return head;
  }
};
