#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// Runs a program of PATH to its end, with `input` as its standard input and our own outputs. Returns an empty string,
/// or why it did not succeed: "mkfs.ext4: exited with status 1".
std::string run_program(const std::vector<std::string>& command, std::string_view input = {});

}  // namespace guest
