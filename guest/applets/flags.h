#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// One option of an applet: with a value of text, or without (then `truth` is set).
struct Flag {
  const char* name;  ///< without dashes
  std::string* text = nullptr;
  bool* truth = nullptr;
};

/// Reads options as the Go programs do whose command lines these applets take: `-name VALUE`, `-name=VALUE`, `-name`,
/// with one dash or two, up to the first argument that is no option, or `--`. What follows goes to `rest`. Returns an
/// empty string, or what is wrong.
std::string parse_flags(int argc, char** argv, const std::vector<Flag>& flags, std::vector<std::string>& rest);

/// A size with a unit: "1G", "512M", "10k", "4096"; 0 if `text` is none, or not above 0.
std::uint64_t parse_size(std::string_view text);

}  // namespace guest
