#include "base/log.h"

#include <unistd.h>

#include <string>

namespace guest {

void StderrLog::line(std::string_view text) {
  std::string whole{text};
  whole += '\n';
  if (::write(STDERR_FILENO, whole.data(), whole.size()) < 0) return;  // nobody left to tell
}

}  // namespace guest
