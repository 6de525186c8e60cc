#pragma once

#include <optional>
#include <string_view>

namespace kiln::config {

struct TextPlace {
  int line = 0, column = 0;  ///< from 1; columns count bytes
};

/// The first byte that is not well-formed UTF-8 (overlong forms, surrogates and NUL are not), if any.
std::optional<TextPlace> find_invalid_utf8(std::string_view text);

}  // namespace kiln::config
