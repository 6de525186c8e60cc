#pragma once

#include <chrono>
#include <string>

#include "oci/registry_options.h"

namespace kiln::oci {

/// The waits between attempts: doubling, with jitter, so that a crowd of builders that failed together does not come
/// back together.
class Backoff {
 public:
  explicit Backoff(const RegistryOptions& options) : Backoff{options, options.attempts} {}
  Backoff(const RegistryOptions& options, unsigned attempts)
      : options_{options}, attempts_{attempts}, delay_{options.first_delay} {}

  /// Waits, at least `asked` (a Retry-After header) as far as the options allow. False: enough attempts were made.
  bool wait(std::chrono::milliseconds asked = {});
  void progress();  ///< something came through: start counting anew
  unsigned failures() const { return failures_; }

 private:
  const RegistryOptions& options_;
  unsigned attempts_;
  std::chrono::milliseconds delay_;
  unsigned failures_ = 0;
};

/// The value of a Retry-After header (RFC 9110 §10.2.3), seconds or a date; 0 if it is absent or strange.
std::chrono::milliseconds parse_retry_after(const std::string& header);

}  // namespace kiln::oci
