#pragma once

#include <string_view>

namespace kiln::cli {

/// A text terminal: what progress is drawn on. Tests have one that is a string.
struct Terminal {
  virtual ~Terminal() = default;
  virtual void write(std::string_view text) = 0;  ///< at once, so that no half-drawn block is seen; never throws
  virtual unsigned columns() const = 0;           ///< its width now; it may change at any time
  virtual unsigned rows() const = 0;
};

/// A terminal, or anything else, behind a descriptor that stays the caller's.
class FdTerminal final : public Terminal {
 public:
  explicit FdTerminal(int fd) : fd_{fd} {}
  void write(std::string_view text) override;
  unsigned columns() const override;
  unsigned rows() const override;

  /// Whether a live block can be drawn on it: a terminal, and TERM is not "dumb".
  bool is_live() const;
  /// Whether to use colours: is_live(), and NO_COLOR is unset or empty.
  bool has_colours() const;

 private:
  int fd_;
};

}  // namespace kiln::cli
