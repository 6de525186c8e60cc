#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/stream.h"

namespace kiln::archive {

/// What the kernel unpacks an initramfs from and the build writes.
enum class Codec { none, gzip, zstd };

/// "none", "gzip" or "zstd".
std::string_view codec_name(Codec codec);
std::optional<Codec> parse_codec(std::string_view name);

/// What is used when nobody says: zstd 3, gzip 6.
int default_level(Codec codec);

/// Throws Error unless the codec has that level: gzip 1 to 12, zstd 1 to 22, none any.
void check_level(Codec codec, int level);

// The bytes that come out depend on the input, codec and level (and the version of the library) and on nothing else:
// not on the processor, the number of threads, or how the input was cut into calls.

/// Memory to compress into, call after call. It is not initialised: of the most that a frame could take, about a third
/// is ever written to, and the rest need not be faulted in.
class Room {
 public:
  /// At least `size` bytes: those that were there, unless they were fewer.
  MutableBytes make(std::size_t size);
  std::size_t size() const { return size_; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

/// Compresses one piece of memory after the other, each into one gzip member or zstd frame of its own. Keeps its
/// tables between calls; one per thread.
class FrameCompressor {
 public:
  FrameCompressor(Codec codec, int level);  ///< throws Error for a level the codec does not have
  ~FrameCompressor();
  FrameCompressor(FrameCompressor&&) noexcept;
  FrameCompressor& operator=(FrameCompressor&&) noexcept;

  /// The compressed form of `raw` (which may be empty): at the start of `room`, which is enlarged if need be. With
  /// Codec::none it is `raw` itself.
  Bytes compress(Bytes raw, Room& room);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Compresses a stream of any length into ONE gzip member or zstd frame written to another sink, in bounded memory:
/// for a single file that is too large for FrameCompressor. The result differs from FrameCompressor's.
class StreamCompressor final : public Sink {
 public:
  /// zstd works on `threads` threads of its own; gzip on the caller's.
  StreamCompressor(Codec codec, int level, Sink& to, unsigned threads = 1);
  ~StreamCompressor() override;

  void write(Bytes raw) override;
  void finish();  ///< without it the frame is incomplete

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kiln::archive
