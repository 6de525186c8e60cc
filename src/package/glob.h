#pragma once

#include <string>
#include <string_view>

namespace kiln::package {

/// Whether an absolute path matches a pattern of a recipe: `?` is one character and `*` any number of them but not
/// `/`; `**` is any number of characters with `/`; `[a-z]`, `[!a-z]` is one of a set. `/etc/nginx/**` matches all that
/// lies below /etc/nginx, not the directory itself. A backslash takes the next character as it is.
bool glob_matches(std::string_view pattern, std::string_view path);

/// Whether the text has any character with a meaning to glob_matches().
bool is_glob(std::string_view text);

}  // namespace kiln::package
