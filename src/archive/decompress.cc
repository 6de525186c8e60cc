#include "archive/decompress.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "archive/compressed_input.h"
#include "archive/decoders.h"
#include "base/error.h"

namespace kiln::archive {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  Compression compression;
};
constexpr Magic kMagics[] = {
    {"\x1f\x8b\x08"sv, Compression::gzip},      // RFC 1952, 2.3.1; the third byte is deflate, the only method
    {"\x28\xb5\x2f\xfd"sv, Compression::zstd},  // RFC 8878, 3.1.1
    {"\xfd\x37zXZ\0"sv, Compression::xz},       // xz-file-format, 2.1.1.1
    {"\x04\x22\x4d\x18"sv, Compression::lz4},   // lz4_Frame_format
    {"\x02\x21\x4c\x18"sv, Compression::lz4},   // the legacy frame that kernels use
};

/// 0x184D2A50 to 0x184D2A5F (RFC 8878, 3.1.2): zstd:chunked layers may begin with such a frame; lz4 never does so here.
bool is_skippable_frame(std::string_view head) {
  return head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xf0) == 0x50 &&
         head.substr(1, 3) == "\x2a\x4d\x18";
}

class PlainSource final : public Source {
 public:
  explicit PlainSource(std::shared_ptr<CompressedInput> input) : input_{std::move(input)} {}
  std::size_t read(MutableBytes into) override {
    const Bytes from = input_->available();
    const std::size_t size = std::min(from.size(), into.size());
    if (size > 0) std::memcpy(into.data(), from.data(), size);
    input_->consume(size);
    return size;
  }

 private:
  std::shared_ptr<CompressedInput> input_;
};

}  // namespace

Compression detect_compression(Bytes head) {
  const std::string_view text = as_text(head);
  for (const Magic& magic : kMagics)
    if (text.starts_with(magic.bytes)) return magic.compression;
  return is_skippable_frame(text) ? Compression::zstd : Compression::none;
}

std::unique_ptr<Source> decompress(Source& from, const std::string& name, FramePoints* points) {
  auto input = std::make_shared<CompressedInput>(from, name);
  switch (detect_compression(input->head(6))) {
    case Compression::none:
      return std::make_unique<PlainSource>(std::move(input));
    case Compression::gzip:
      return make_gzip_decoder(std::move(input), points);
    case Compression::zstd:
      return make_zstd_decoder(std::move(input), points);
    case Compression::xz:
      return make_xz_decoder(std::move(input));
    case Compression::lz4:
      break;
  }
  throw Error{name, ": it is compressed with lz4, expected gzip, zstd, xz or no compression"};
}

}  // namespace kiln::archive
