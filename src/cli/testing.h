#pragma once

#include <string>

#include "base/clock.h"
#include "cli/terminal.h"

namespace kiln::cli {

/// Collects what was written; its size is what the test says.
struct FakeTerminal final : Terminal {
  std::string text;
  unsigned width = 80;
  unsigned height = 24;

  void write(std::string_view more) override { text += more; }
  unsigned columns() const override { return width; }
  unsigned rows() const override { return height; }

  std::string take() { return std::exchange(text, {}); }
};

struct FakeClock final : Clock {
  std::chrono::nanoseconds time{};
  std::chrono::nanoseconds now() const override { return time; }
};

}  // namespace kiln::cli
