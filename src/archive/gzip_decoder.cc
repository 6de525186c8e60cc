#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <limits>

#include "archive/decoders.h"

namespace kiln::archive {
namespace {

constexpr std::string_view kFormat = "gzip";

std::string_view reason(int code) {
  switch (code) {
    case ISAL_INVALID_BLOCK:
      return "invalid deflate block";
    case ISAL_INVALID_SYMBOL:
      return "invalid deflate symbol";
    case ISAL_INVALID_LOOKBACK:
      return "match before the start of the data";
    case ISAL_INCORRECT_CHECKSUM:
      return "wrong checksum or length";
    default:
      return "it cannot be inflated";
  }
}

/// The header of a member (RFC 1952, 2.3). Ours, as ISA-L 2.30 forgets the header's CRC when a header is split between
/// two calls, and then refuses a good one.
class GzipHeader {
 public:
  /// Consumes it; throws if it is not one.
  static void skip(CompressedInput& input) { GzipHeader{input}.skip(); }

 private:
  static constexpr unsigned kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16;

  explicit GzipHeader(CompressedInput& input) : input_{input} {}

  void skip() {
    if (next() != 0x1f || next() != 0x8b) throw input_.damaged(kFormat, "not a gzip header");
    if (next() != 8) throw input_.damaged(kFormat, "unknown compression method");
    const unsigned flags = next();
    skip_bytes(6);  // mtime, extra flags, operating system
    if ((flags & kExtra) != 0) skip_bytes(next_u16());
    if ((flags & kName) != 0) skip_text();
    if ((flags & kComment) != 0) skip_text();
    const unsigned crc = crc_ & 0xffff;
    if ((flags & kHeaderCrc) != 0 && next_u16() != crc) throw input_.damaged(kFormat, "wrong checksum of a header");
  }

  unsigned next() {
    const Bytes in = input_.available();
    if (in.empty()) throw input_.truncated(kFormat);
    const auto byte = static_cast<unsigned char>(in[0]);
    crc_ = crc32_gzip_refl(crc_, &byte, 1);
    input_.consume(1);
    return byte;
  }
  unsigned next_u16() {
    const unsigned low = next();
    return low | next() << 8;
  }
  void skip_bytes(unsigned count) {
    for (; count > 0; --count) next();
  }
  void skip_text() {
    while (next() != 0) {
    }
  }

  CompressedInput& input_;
  std::uint32_t crc_ = 0;
};

/// All members of a gzip file through ISA-L, which inflates about three times as fast as zlib and checks each member's
/// CRC-32 and ISIZE.
class GzipDecoder final : public Source {
 public:
  GzipDecoder(std::shared_ptr<CompressedInput> input, FramePoints* points) : input_{std::move(input)}, points_{points} {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
  }

  std::size_t read(MutableBytes into) override {
    for (;;) {
      if (between_members_ && !begin_member()) return 0;
      const Bytes in = input_->available();
      const std::size_t got = inflate(in, into);
      if (got > 0) return got;
      if (in.empty() && !between_members_) throw input_->truncated(kFormat);
    }
  }

 private:
  /// False at the end of the input.
  bool begin_member() {
    const Bytes in = input_->available();
    if (!in.empty() && in[0] == std::byte{0x1f}) {
      if (points_ != nullptr) points_->add({input_->position(), written_});
      GzipHeader::skip(*input_);
      isal_inflate_reset(&state_);
      between_members_ = false;
      return true;
    }
    input_->expect_only_padding(kFormat);
    return false;
  }

  std::size_t inflate(Bytes in, MutableBytes into) {
    const auto room =
        static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), std::numeric_limits<std::int32_t>::max()));
    // ISA-L declares its input as mutable but only reads it.
    state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(in.data()));
    state_.avail_in = static_cast<std::uint32_t>(in.size());
    state_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
    state_.avail_out = room;
    const int code = isal_inflate(&state_);
    input_->consume(in.size() - state_.avail_in);
    if (code < 0) throw input_->damaged(kFormat, reason(code));
    between_members_ = state_.block_state == ISAL_BLOCK_FINISH;
    written_ += room - state_.avail_out;
    return room - state_.avail_out;
  }

  std::shared_ptr<CompressedInput> input_;
  FramePoints* points_;
  std::uint64_t written_ = 0;  ///< bytes of output
  bool between_members_ = true;
  inflate_state state_ = {};
};

}  // namespace

std::unique_ptr<Source> make_gzip_decoder(std::shared_ptr<CompressedInput> input, FramePoints* points) {
  return std::make_unique<GzipDecoder>(std::move(input), points);
}

}  // namespace kiln::archive
