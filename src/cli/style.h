#pragma once

#include <string>
#include <string_view>

namespace kiln::cli {

/// How words are coloured; with `colours` false, not at all.
struct Style {
  bool colours = false;

  std::string error(std::string_view text) const { return paint("1;31", text); }
  std::string warning(std::string_view text) const { return paint("1;33", text); }
  std::string hint(std::string_view text) const { return paint("36", text); }
  std::string faint(std::string_view text) const { return paint("2", text); }
  std::string strong(std::string_view text) const { return paint("1", text); }

 private:
  std::string paint(std::string_view code, std::string_view text) const {
    if (!colours) return std::string{text};
    return std::string{"\x1b["}.append(code).append("m").append(text).append("\x1b[0m");
  }
};

}  // namespace kiln::cli
