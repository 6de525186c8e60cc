#include "archive/initramfs.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "archive/compressed_input.h"
#include "archive/decoders.h"
#include "archive/decompress.h"
#include "base/error.h"

namespace kiln::archive {
namespace {

constexpr std::size_t kHeader = 110;  // newc: "070701", then 13 numbers of 8 hexadecimal digits
constexpr std::size_t kSizeField = 6 + 6 * 8;
constexpr std::size_t kNameSizeField = 6 + 11 * 8;

bool is_newc(std::string_view head) { return head.starts_with("070701") || head.starts_with("070702"); }

class Initramfs final : public Source {
 public:
  Initramfs(Source& from, std::string name)
      : name_{std::move(name)}, input_{std::make_shared<CompressedInput>(from, name_)} {
    input_->allow_other_data();
  }

  std::size_t read(MutableBytes into) override {
    for (;;) {
      if (plain_left_ > 0) return copy_plain(into);
      if (decoder_) {
        if (const std::size_t got = decoder_->read(into)) {
          unpacked_ += got;
          return got;
        }
        decoder_.reset();
        padding_ = (4 - unpacked_ % 4) % 4;
      }
      if (padding_ > 0) return pad(into);
      if (!begin_part()) return 0;
    }
  }

 private:
  /// False at the end.
  bool begin_part() {
    input_->expect_only_padding("initramfs");
    const Bytes head = input_->head(6);
    if (head.empty()) return false;
    if (is_newc(as_text(head))) {
      plain_left_ = entry_size();
      return true;
    }
    unpacked_ = 0;
    switch (detect_compression(head)) {
      case Compression::gzip:
        decoder_ = make_gzip_decoder(input_, nullptr);
        return true;
      case Compression::zstd:
        decoder_ = make_zstd_decoder(input_, nullptr);
        return true;
      case Compression::xz:
        decoder_ = make_xz_decoder(input_);
        return true;
      default:
        throw Error{name_, ": at byte ", input_->position(),
                    " there is neither a newc archive nor one compressed with gzip, zstd or xz"};
    }
  }

  /// Of the entry that is next: header and name, padded to 4, and content, padded too.
  std::uint64_t entry_size() {
    const std::string_view header = as_text(input_->head(kHeader));
    if (header.size() < kHeader) throw input_->truncated("newc");
    const std::uint64_t name_end = kHeader + number(header.substr(kNameSizeField, 8));
    return align_up(name_end, 4) + align_up(number(header.substr(kSizeField, 8)), 4);
  }

  std::uint64_t number(std::string_view digits) const {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      throw input_->damaged("newc", "a size in a header is not hexadecimal");
    }
    return value;
  }

  std::size_t copy_plain(MutableBytes into) {
    const Bytes from = input_->available();
    if (from.empty()) throw input_->truncated("newc");
    const std::size_t size = std::min<std::uint64_t>({from.size(), into.size(), plain_left_});
    std::memcpy(into.data(), from.data(), size);
    input_->consume(size);
    plain_left_ -= size;
    return size;
  }

  std::size_t pad(MutableBytes into) {
    const std::size_t size = std::min(into.size(), padding_);
    std::fill_n(into.begin(), size, std::byte{0});
    padding_ -= size;
    return size;
  }

  std::string name_;
  std::shared_ptr<CompressedInput> input_;
  std::unique_ptr<Source> decoder_;
  std::uint64_t plain_left_ = 0;
  std::uint64_t unpacked_ = 0;
  std::size_t padding_ = 0;
};

}  // namespace

std::unique_ptr<Source> unpack_initramfs(Source& from, const std::string& name) {
  return std::make_unique<Initramfs>(from, name);
}

}  // namespace kiln::archive
