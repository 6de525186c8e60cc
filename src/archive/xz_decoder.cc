#include <lzma.h>

#include <new>

#include "archive/decoders.h"

namespace kiln::archive {
namespace {

constexpr std::string_view kFormat = "xz";
// xz -9 needs 65 MiB to decode; a header that asks for more than this is hostile.
constexpr std::uint64_t kMemoryLimit = 256 << 20;

std::string_view reason(lzma_ret code) {
  switch (code) {
    case LZMA_FORMAT_ERROR:
      return "not an xz header";
    case LZMA_OPTIONS_ERROR:
      return "unsupported options";
    case LZMA_DATA_ERROR:
      return "wrong checksum or invalid data";
    case LZMA_MEMLIMIT_ERROR:
      return "decoding it needs more than 256 MiB of memory";
    default:
      return "it cannot be decoded";
  }
}

/// All streams of an xz file with the zero padding between them.
class XzDecoder final : public Source {
 public:
  explicit XzDecoder(std::shared_ptr<CompressedInput> input) : input_{std::move(input)} {
    if (lzma_stream_decoder(&stream_, kMemoryLimit, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc{};
  }
  ~XzDecoder() override { lzma_end(&stream_); }
  XzDecoder(const XzDecoder&) = delete;
  XzDecoder& operator=(const XzDecoder&) = delete;

  std::size_t read(MutableBytes into) override {
    while (!finished_) {
      const std::size_t got = decode(input_->available(), into);
      if (got > 0) return got;
    }
    return 0;
  }

 private:
  std::size_t decode(Bytes in, MutableBytes into) {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
    stream_.avail_out = into.size();
    const lzma_ret code = lzma_code(&stream_, in.empty() ? LZMA_FINISH : LZMA_RUN);
    input_->consume(in.size() - stream_.avail_in);
    finished_ = code == LZMA_STREAM_END;
    if (code == LZMA_BUF_ERROR) throw input_->truncated(kFormat);
    if (code != LZMA_OK && !finished_) throw input_->damaged(kFormat, reason(code));
    return into.size() - stream_.avail_out;
  }

  std::shared_ptr<CompressedInput> input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<Source> make_xz_decoder(std::shared_ptr<CompressedInput> input) {
  return std::make_unique<XzDecoder>(std::move(input));
}

}  // namespace kiln::archive
