#pragma once

#include <string>

#include "base/bytes.h"

namespace kiln {

/// Where bytes go. Nothing is guaranteed to be durable or visible until the owner's finish() or commit().
struct Sink {
  virtual ~Sink() = default;
  virtual void write(Bytes data) = 0;  ///< all of it, or throws
};

/// Where bytes come from.
struct Source {
  virtual ~Source() = default;
  /// Reads at least one byte into `into` (which is not empty); may be short; 0 only at the end.
  virtual std::size_t read(MutableBytes into) = 0;
};

class StringSink final : public Sink {
 public:
  void write(Bytes data) override { text_.append(as_text(data)); }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// Reads from memory that must outlive it.
class MemorySource final : public Source {
 public:
  explicit MemorySource(Bytes data) : rest_{data} {}
  std::size_t read(MutableBytes into) override;

 private:
  Bytes rest_;
};

/// Passes on at most `limit` bytes of another source.
class LimitedSource final : public Source {
 public:
  LimitedSource(Source& from, std::uint64_t limit) : from_{from}, left_{limit} {}
  std::size_t read(MutableBytes into) override;
  std::uint64_t left() const { return left_; }

 private:
  Source& from_;
  std::uint64_t left_;
};

class FdSource final : public Source {
 public:
  /// Reads from `fd`, which stays the caller's; `name` is what errors call it.
  FdSource(int fd, std::string name) : fd_{fd}, name_{std::move(name)} {}
  std::size_t read(MutableBytes into) override;

 private:
  int fd_;
  std::string name_;
};

class FdSink final : public Sink {
 public:
  /// Writes to `fd`, which stays the caller's; `name` is what errors call it.
  FdSink(int fd, std::string name) : fd_{fd}, name_{std::move(name)} {}
  void write(Bytes data) override;

 private:
  int fd_;
  std::string name_;
};

/// Fills `into` as far as the source goes; returns how far.
std::size_t read_full(Source& from, MutableBytes into);

/// Copies until the end; returns the number of bytes.
std::uint64_t copy(Source& from, Sink& to);

/// The rest of `from` as text; throws if it is longer than `limit`; `name` is what the error calls it.
std::string read_text(Source& from, std::size_t limit, std::string_view name);

}  // namespace kiln
