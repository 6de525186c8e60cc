#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::convert {

/// The value of a variable, or nothing if it is not set.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;

/// Compose's substitution (compose-spec, "Interpolation"): $NAME, ${NAME}, ${NAME:-default}, ${NAME-default},
/// ${NAME:?message}, ${NAME?message}, ${NAME:+other}, ${NAME+other}, and $$ for a dollar sign. Defaults are substituted
/// too. An unset variable is empty, and told to `unset`. Throws Error for what is none of these, and for a variable
/// that must be set.
std::string interpolate(std::string_view text, const Variables& variables,
                        const std::function<void(const std::string& name)>& unset);

/// The lines NAME=VALUE of an .env file: comments, `export`, quotes. Throws Error with the line; `file` names it.
std::map<std::string, std::string> parse_env_file(std::string_view text, std::string_view file);

}  // namespace kiln::convert
