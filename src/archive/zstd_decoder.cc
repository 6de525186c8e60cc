#include <zstd.h>

#include <new>

#include "archive/decoders.h"

namespace kiln::archive {
namespace {

constexpr std::string_view kFormat = "zstd";
// 128 MiB, what `zstd -d` accepts without --long: a hostile header must not make us allocate gigabytes.
constexpr int kMaxWindowLog = 27;

struct Free {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Context = std::unique_ptr<ZSTD_DCtx, Free>;

/// The context of a decoder of this thread that is done, for the next one. A layer that is entered in many places has a
/// decoder for each, and to fault in a window's memory costs about half of what it takes to fill it.
class SpareContext {
 public:
  static Context take() {
    Context context = spare_ ? std::move(spare_) : Context{ZSTD_createDCtx()};
    if (!context) throw std::bad_alloc{};
    ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
    return context;
  }

  /// Unless an unusually large window would stay in memory.
  static void give(Context context) {
    if (ZSTD_sizeof_DCtx(context.get()) <= kUsualSize) spare_ = std::move(context);
  }

 private:
  static constexpr std::size_t kUsualSize = 4 << 20;
  static thread_local Context spare_;
};
thread_local Context SpareContext::spare_;

/// All frames of a zstd file (RFC 8878), skippable ones left out.
class ZstdDecoder final : public Source {
 public:
  ZstdDecoder(std::shared_ptr<CompressedInput> input, FramePoints* points)
      : input_{std::move(input)}, points_{points} {}
  ~ZstdDecoder() override { SpareContext::give(std::move(context_)); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  std::size_t read(MutableBytes into) override {
    for (;;) {
      if (between_frames_ && !begin_frame()) return 0;
      const Bytes in = input_->available();
      const std::size_t got = decompress(in, into);
      if (got > 0) return got;
      if (in.empty() && !between_frames_) throw input_->truncated(kFormat);
    }
  }

 private:
  /// False at the end of the input. The first byte of a frame's magic number tells it from padding.
  bool begin_frame() {
    const Bytes in = input_->available();
    if (!in.empty() && (in[0] == std::byte{0x28} || (in[0] & std::byte{0xf0}) == std::byte{0x50})) {
      if (points_ != nullptr) points_->add({input_->position(), written_});
      between_frames_ = false;
      return true;
    }
    input_->expect_only_padding(kFormat);
    return false;
  }

  std::size_t decompress(Bytes in, MutableBytes into) {
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{into.data(), into.size(), 0};
    const std::size_t code = ZSTD_decompressStream(context_.get(), &target, &source);
    // libzstd does not say how far it came when it fails, so the position of such an error is where this piece began.
    if (ZSTD_isError(code) != 0) throw input_->damaged_after(kFormat, ZSTD_getErrorName(code));
    input_->consume(source.pos);
    between_frames_ = code == 0;
    written_ += target.pos;
    return target.pos;
  }

  std::shared_ptr<CompressedInput> input_;
  FramePoints* points_;
  std::uint64_t written_ = 0;  ///< bytes of output
  Context context_ = SpareContext::take();
  bool between_frames_ = true;
};

}  // namespace

std::unique_ptr<Source> make_zstd_decoder(std::shared_ptr<CompressedInput> input, FramePoints* points) {
  return std::make_unique<ZstdDecoder>(std::move(input), points);
}

}  // namespace kiln::archive
