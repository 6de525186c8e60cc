#include "build/compression.h"

#include <charconv>

#include "base/error.h"

namespace kiln::build {

Compression Compression::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::optional<archive::Codec> codec = archive::parse_codec(text.substr(0, colon));
  if (!codec) throw Error{"compression ", quote(text), ": expected none, gzip[:LEVEL] or zstd[:LEVEL]"};
  if (colon == std::string_view::npos) return {*codec, archive::default_level(*codec)};
  const std::string_view digits = text.substr(colon + 1);
  int level = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), level);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    throw Error{"compression ", quote(text), ": expected a number after ':', got ", quote(digits)};
  }
  archive::check_level(*codec, level);
  return {*codec, level};
}

std::string Compression::to_string() const {
  const std::string_view name = archive::codec_name(codec);
  return codec == archive::Codec::none ? std::string{name} : concat(name, ":", level);
}

}  // namespace kiln::build
