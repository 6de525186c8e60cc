#pragma once

#include <functional>
#include <string_view>

#include "base/error.h"
#include "config/system.h"

namespace kiln::config {

/// Told of a mistake in an element of a list: the key, the element (from 0), and what is wrong with it.
using OptionMistake = std::function<void(std::string_view key, std::size_t item, const Error& error)>;

/// Judges what the elements of a container's lists say. Those who know what is made of them do: the types are right.
using OptionsCheck = std::function<void(const ContainerOptions& options, const OptionMistake& mistake)>;

}  // namespace kiln::config
