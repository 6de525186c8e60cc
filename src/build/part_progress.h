#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/reporter.h"

namespace kiln::build {

/// Shows how parts are rendered, each as one activity however many runs make its segments. A part without content
/// (directories, the archive's end) is not shown.
class PartProgress {
 public:
  explicit PartProgress(Reporter& reporter) : reporter_{reporter} {}

  /// A run will render so much of that part, whose name must outlive this. All are told before the first begins.
  void expect(std::string_view part, std::uint64_t content_size);

  // Thread-safe:

  /// A run begins. Null: it is not shown.
  std::shared_ptr<Activity> begin(std::string_view part);
  /// It came to its end. An activity whose runs do not all is abandoned.
  void end(std::string_view part);

 private:
  struct Part {
    unsigned runs = 0;  ///< that have not ended
    std::uint64_t content_size = 0;
    std::shared_ptr<Activity> activity;
  };

  Reporter& reporter_;
  std::mutex mutex_;
  std::map<std::string_view, Part> parts_;
};

}  // namespace kiln::build
