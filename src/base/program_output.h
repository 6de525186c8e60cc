#pragma once

#include <sys/types.h>

#include <string>

#include "base/child_process.h"
#include "base/stream.h"

namespace kiln {

/// A program whose standard output is read as it comes, so that no part of it needs to be held. `input` is not used.
class ProgramOutput final : public Source {
 public:
  /// Starts it; throws if it cannot be (with a hint to install it).
  explicit ProgramOutput(const Command& command);
  /// Ends a program that still runs.
  ~ProgramOutput() override;
  ProgramOutput(const ProgramOutput&) = delete;
  ProgramOutput& operator=(const ProgramOutput&) = delete;

  std::size_t read(MutableBytes into) override;

  /// Reads what is left and waits for the end; throws as run_checked() does unless the status is 0.
  void finish();

 private:
  std::string name_;
  UniqueFd output_, errors_;
  pid_t pid_ = 0;
};

}  // namespace kiln
