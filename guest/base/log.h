#pragma once

#include <string_view>

namespace guest {

/// Where messages for the person at the console go. Lines carry no newline.
class Log {
 public:
  virtual ~Log() = default;
  virtual void line(std::string_view text) = 0;
};

/// Lines to standard error, for applets.
class StderrLog : public Log {
 public:
  void line(std::string_view text) override;
};

}  // namespace guest
